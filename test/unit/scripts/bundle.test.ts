import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { EXPORTING, Project } from './project.ts';

const BUNDLE = ['scripts/bundle.mjs'];

/** A project of which package.json exports `src/room/a.ts`. */
function project(t: TestContext, files: Readonly<Record<string, string>>): Project {
  return new Project(t, { ...EXPORTING, ...files }).withTools();
}

test('a room is one file, and a package another, with its license', async (t) => {
  const made = project(t, {
    'src/room/a.ts': "export { b } from './b.ts';\nexport { c } from '../other/c.ts';\n",
    'src/room/b.ts': "import { part } from 'part';\nexport const b = part;\n",
    'src/other/c.ts': 'export const c: number = 3;\n',
    'node_modules/part/package.json': JSON.stringify({
      name: 'part',
      version: '1.2.3',
      license: 'MIT',
      main: 'index.js',
    }),
    'node_modules/part/index.js': "exports.part = 'a part';\n",
    'node_modules/part/LICENSE': 'You may.\n',
  });
  assert.deepEqual(await made.run(BUNDLE), { code: 0, output: '' });
  assert.deepEqual(readdirSync(join(made.root, 'dist/rooms')).sort(), ['other.js', 'room.js']);
  assert.match(made.read('dist/packages/part.js'), /a part/);
  assert.equal(made.read('dist/LICENSES'), 'part 1.2.3 (MIT)\n\nYou may.\n');
  const used = await made.run(['-e', "import('./dist/room/a.js').then((a) => console.log(a.b, a.c))"]);
  assert.equal(used.output, 'a part 3\n');
});

test('a module keeps its own URL, and what it starts beside itself is a file of its own', async (t) => {
  const made = project(t, {
    'src/room/a.ts': "export { url } from '../other/c.ts';\n",
    'src/other/c.ts': [
      "import { extname } from 'node:path';",
      "export const url = new URL('.', import.meta.url).pathname;",
      // A template, as in the sources.
      `new URL(\`./thread\${extname(import.meta.url)}\`, import.meta.url);`,
    ].join('\n'),
    'src/other/thread.ts': "console.log('runs');\n",
  });
  assert.deepEqual(await made.run(BUNDLE), { code: 0, output: '' });
  const used = await made.run(['-e', "import('./dist/room/a.js').then((a) => console.log(a.url))"]);
  assert.equal(used.output, `${made.root}/dist/other/\n`);
  assert.equal((await made.run(['dist/other/thread.js'])).output, 'runs\n');
});

test('what is imported when it is needed is in no file that is loaded before', async (t) => {
  const made = project(t, {
    'src/room/a.ts': "export const load = () => import('./late.ts');\n",
    'src/room/late.ts': "console.log('loaded');\n",
  });
  assert.deepEqual(await made.run(BUNDLE), { code: 0, output: '' });
  assert.equal(existsSync(join(made.root, 'dist/parts/late.js')), true);
  const imported = await made.run(['-e', "import('./dist/room/a.js').then(() => console.log('imported'))"]);
  assert.equal(imported.output, 'imported\n');
});

test('files that would import each other in a circle are refused', async (t) => {
  const made = project(t, {
    'src/room/a.ts': "export { c } from '../other/c.ts';\nexport { d } from './d.ts';\n",
    'src/room/d.ts': "import { c } from '../other/c.ts';\nexport const d = c + 1;\n",
    'src/room/b.ts': 'export const b = Math.random();\n',
    'src/other/c.ts': "import { b } from '../room/b.ts';\nexport const c = b + 1;\n",
  });
  const { code, output } = await made.run(BUNDLE);
  assert.equal(code, 1);
  assert.match(output, /dist has a circle of imports: (?=.*rooms\/room\.js)(?=.*rooms\/other\.js)/);
});

test('a module that starts what is not beside it, and a package without a license, are refused', async (t) => {
  const starting = project(t, { 'src/room/a.ts': "export const url = new URL('./gone.ts', import.meta.url);\n" });
  assert.match((await starting.run(BUNDLE)).output, /src\/room\/a\.ts starts gone, which is not beside it/);
  const importing = project(t, {
    'src/room/a.ts': "export { part } from 'part';\n",
    'node_modules/part/package.json': JSON.stringify({ name: 'part', version: '1.0.0', main: 'index.js' }),
    'node_modules/part/index.js': 'exports.part = 1;\n',
  });
  assert.match((await importing.run(BUNDLE)).output, /part has no file with its license/);
});
