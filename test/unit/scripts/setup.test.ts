import assert from 'node:assert/strict';
import { existsSync, readdirSync, rmSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { DEPENDENT, EXPORTING, Project } from './project.ts';

const SET_UP = ['--input-type=module', '-e', "(await import('./scripts/setup.mjs')).setUp()"];
const BUILDS = { code: 0, output: 'build: the sources are newer than dist\n' };
const NOTHING_TO_DO = { code: 0, output: '' };

const ALREADY_BUILT = { 'dist/.built': '', 'src/room/a.ts': '' };

/** Makes the last build newer than anything. */
function keepBuilt(project: Project): void {
  utimesSync(join(project.root, 'dist/.built'), 4e9, 4e9);
}

/** Makes the last build an old one, so that whatever is touched from now on is newer. */
function age(project: Project): void {
  utimesSync(join(project.root, 'dist/.built'), 1e9, 1e9);
  for (const name of [
    'src',
    'src/room',
    'src/room/a.ts',
    'src/room/b.ts',
    'package-lock.json',
    'scripts/bundle.mjs',
    'scripts/build-dashboard.mjs',
    'tsconfig.json',
    'tsconfig.build.json',
  ]) {
    utimesSync(join(project.root, name), 9e8, 9e8);
  }
}

function sources(t: TestContext): Project {
  return new Project(t, {
    ...EXPORTING,
    'src/room/a.ts': 'export const a = 1;\n',
    'src/room/b.ts': 'export const b = 2;\n',
  }).withTools();
}

test('dependencies are installed when they are missing, once', async (t) => {
  const project = new Project(t, { ...ALREADY_BUILT, ...DEPENDENT });
  keepBuilt(project);
  assert.deepEqual(await project.run(SET_UP), {
    code: 0,
    output: 'install: npm ci, because node_modules is missing\n',
  });
  assert.deepEqual(await project.run(SET_UP), NOTHING_TO_DO);
});

test('dependencies that npm ci has installed are not installed again', async (t) => {
  const project = new Project(t, { ...ALREADY_BUILT, ...DEPENDENT });
  keepBuilt(project);
  assert.equal((await project.runProgram('npm', ['ci', '--no-audit', '--no-fund'])).code, 0);
  assert.deepEqual(await project.run(SET_UP), NOTHING_TO_DO);
});

test('packages that are only for other systems may be missing', async (t) => {
  const project = new Project(t, { ...ALREADY_BUILT, ...DEPENDENT });
  keepBuilt(project);
  await project.run(SET_UP);
  const lock = JSON.parse(project.read('package-lock.json'));
  lock.packages['node_modules/other'] = { version: '1.0.0', optional: true, os: ['none'] };
  project.write('package-lock.json', JSON.stringify(lock));
  assert.deepEqual(await project.run(SET_UP), NOTHING_TO_DO);
});

test('dependencies are installed again when the lock file changes', async (t) => {
  const project = new Project(t, ALREADY_BUILT).withTools();
  keepBuilt(project);
  assert.deepEqual(await project.run(SET_UP), NOTHING_TO_DO);
  for (const [path, text] of Object.entries(DEPENDENT)) project.write(path, text);
  assert.deepEqual(await project.run(SET_UP), {
    code: 0,
    output: 'install: npm ci, because node_modules is other than package-lock.json says\n',
  });
  assert.equal(existsSync(join(project.root, 'node_modules/tsx')), false);
});

test('a failed installation shows the output of npm, ends with 1, and is tried again', async (t) => {
  const project = new Project(t, { 'package-lock.json': 'not JSON' });
  for (let i = 0; i < 2; i++) {
    const ran = await project.run(SET_UP);
    assert.equal(ran.code, 1);
    assert.match(ran.output, /^install: npm ci/);
    assert.match(ran.output, /npm error/);
    assert.match(ran.output, /\nfailed: npm ci --include=dev --no-audit --no-fund\n$/);
  }
});

test('sources are built when dist is missing, and not again while they stay the same', async (t) => {
  const project = sources(t);
  assert.deepEqual(await project.run(SET_UP), BUILDS);
  assert.match(project.read('dist/room/a.js'), /const a = 1;/);
  assert.deepEqual(await project.run(SET_UP), NOTHING_TO_DO);
});

test('sources are built again when one of them, the lock file or the configuration of the compiler is newer', async (t) => {
  const project = sources(t);
  await project.run(SET_UP);
  for (const path of ['src/room/b.ts', 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json']) {
    age(project);
    assert.deepEqual(await project.run(SET_UP), NOTHING_TO_DO);
    utimesSync(join(project.root, path), 1e9 + 1, 1e9 + 1);
    assert.deepEqual(await project.run(SET_UP), BUILDS, path);
  }
});

test('the output of a removed source is removed', async (t) => {
  const project = sources(t);
  await project.run(SET_UP);
  age(project);
  rmSync(join(project.root, 'src/room/b.ts'));
  assert.deepEqual(await project.run(SET_UP), BUILDS);
  assert.deepEqual(readdirSync(join(project.root, 'dist/room')).sort(), ['a.d.ts', 'a.js']);
});

test("a failed build shows the compiler's output, ends with 1, and is tried again", async (t) => {
  const project = sources(t);
  project.write('src/room/a.ts', "export const a: number = 'one';\n");
  for (let i = 0; i < 2; i++) {
    const ran = await project.run(SET_UP);
    assert.equal(ran.code, 1);
    assert.match(ran.output, /^build: the sources/);
    assert.match(ran.output, /src\/room\/a\.ts.*TS2322/);
  }
});
