import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Project } from './project.ts';

const PASSES = 'node -e ""';

function suite(t: TestContext, checks: Readonly<Record<string, string>> = {}): Project {
  const scripts = { typecheck: PASSES, lint: PASSES, imports: PASSES, ...checks };
  return new Project(t, {
    'package.json': JSON.stringify({ name: 'small', type: 'module', scripts }),
    'src/a.ts': 'export const a = 1;\n',
    'test/peers.json': '[]',
    'test/unit/good.test.ts': "import { test } from 'node:test';\ntest('passes', () => {});\n",
    'test/unit/more/bad.test.ts':
      "import { test } from 'node:test';\ntest('fails', () => {\n  throw new Error('wrong');\n});\n",
  }).withTools();
}

test('npm test runs every stage, then the suite, whose summary comes last', async (t) => {
  const ran = await suite(t).run(['scripts/test.mjs', 'test/unit/good.test.ts']);
  assert.equal(ran.code, 0);
  assert.match(ran.output, /^build: .*\ntypecheck: .*\nlint: .*\nimports: .*\npeers: .*\ntest: 1 files\n/);
  assert.match(ran.output, /✔ passes.*\n. tests 1\n.*\n. pass 1\n. fail 0\n.*\n. duration_ms [\d.]+\n$/s);
});

test('a failing test fails npm test', async (t) => {
  const ran = await suite(t).run(['scripts/test.mjs']);
  assert.equal(ran.code, 1);
  assert.match(ran.output, /\ntest: 2 files\n.*\n. pass 1\n. fail 1\n/s);
});

test('a failing check stops npm test with its output', async (t) => {
  const project = suite(t, { lint: 'node -e "console.log(\'untidy\'); process.exit(3)"' });
  const ran = await project.run(['scripts/test.mjs']);
  assert.equal(ran.code, 1);
  assert.match(ran.output, /\nlint: [^\n]*\nuntidy\nfailed: npm run --silent lint\n$/);
});

test('a folder stands for the test files in it', async (t) => {
  const ran = await suite(t).run(['scripts/test.mjs', './test/unit/more/']);
  assert.match(ran.output, /\ntest: 1 files\n.*✖ fails/s);
});

test('a filter that no test file matches fails', async (t) => {
  const ran = await suite(t).run(['scripts/test.mjs', 'test/unit/mor']);
  assert.deepEqual(ran, { code: 1, output: 'No test file in: test/unit/mor\n' });
});
