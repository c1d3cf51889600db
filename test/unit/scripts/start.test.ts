import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Project } from './project.ts';

const BUILD = 'build: the sources are newer than dist\n';

test('npm start sets up, then runs the demo with the remaining arguments and its exit code', async (t) => {
  const project = new Project(t, {
    'src/cli/main.ts': "console.log(process.argv.slice(1).join(' '));\nprocess.exitCode = 7;\n",
  }).withTools();
  assert.deepEqual(await project.run(['scripts/start.mjs', '--port', '80']), {
    code: 7,
    output: `${BUILD}${project.root}/bin/holdfast demo --port 80\n`,
  });
});

test('a signal to npm start reaches the demo', async (t) => {
  const main = [
    "process.on('SIGTERM', () => {",
    "  console.log('stopped');",
    '  process.exit(3);',
    '});',
    // Long enough for the signal, and the end of a demo that does not get it.
    'setTimeout(() => {}, 20_000);',
    "console.log('ready');",
  ].join('\n');
  const { scripts } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
  const manifest = JSON.stringify({ name: 'small', type: 'module', scripts });
  const project = new Project(t, { 'src/cli/main.ts': main, 'package.json': manifest }).withTools();
  const ran = await project.runProgram('npm', ['--silent', 'start'], (output, kill) => {
    if (output.endsWith('ready\n')) kill();
  });
  assert.equal(ran.output, `${BUILD}ready\nstopped\n`);
});

test('the launcher says how to build if nothing is built', async (t) => {
  const project = new Project(t, {});
  assert.deepEqual(await project.run(['bin/holdfast', 'demo']), {
    code: 1,
    output: 'Holdfast is not built yet: run `npm run build` first.\n',
  });
});

for (const [version, ok] of [
  ['18.20.8', false],
  ['20.18.3', false],
  ['20.19.0', true],
  ['24.0.0', true],
] as const) {
  test(`Node.js ${version} is ${ok ? 'taken' : 'refused in one clear line'}`, async (t) => {
    const project = new Project(t, { 'dist/cli/main.js': "console.log('runs');\n" });
    const pretend =
      `Object.defineProperty(process, 'version', { value: 'v${version}' });` +
      `Object.defineProperty(process, 'versions', { value: { node: '${version}' } });`;
    const ran = await project.run(['--import', `data:text/javascript,${encodeURIComponent(pretend)}`, 'bin/holdfast']);
    const refusal = `Holdfast needs Node.js 20.19 or newer; this is v${version}.\n`;
    assert.deepEqual(ran, ok ? { code: 0, output: 'runs\n' } : { code: 1, output: refusal });
  });
}
