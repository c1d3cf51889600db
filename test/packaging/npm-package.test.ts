import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { assertCoded } from '../support/dashboard/assert-coded.ts';
import { isForContributors, localLinks } from '../support/document-links.ts';
import { Program } from '../support/program.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Without what npm tells the scripts that it runs, and without the user's own settings. */
function npm(folder: string, ...args: readonly string[]): string {
  const inherited = Object.entries(process.env).filter(([name]) => !/^npm_|^NODE_/i.test(name));
  const env = { ...Object.fromEntries(inherited), HOME: folder, npm_config_cache: join(folder, 'cache') };
  return execFileSync('npm', [...args], { cwd: ROOT, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Installs the tarball for the whole system, into a folder of the test: without scripts, and with nothing from a registry. */
function installed(t: TestContext): { readonly command: string; readonly package: string } {
  const folder = temporaryFolder(t);
  // The program is built: `npm test` does that first.
  const [{ filename }] = JSON.parse(npm(folder, 'pack', '--json', '--ignore-scripts', '--pack-destination', folder));
  const prefix = join(folder, 'prefix');
  npm(
    folder,
    'install',
    '--global',
    '--ignore-scripts',
    '--offline',
    '--no-audit',
    '--prefix',
    prefix,
    join(folder, filename),
  );
  return { command: join(prefix, 'bin/holdfast'), package: join(prefix, 'lib/node_modules/holdfast') };
}

test('the tarball runs after npm install -g without scripts and without a registry', async (t) => {
  const { command, package: folder } = installed(t);
  assert.equal(existsSync(join(folder, 'node_modules')), false);
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const said = await new Program(t, command, ['--version']).ended;
  assert.deepEqual([said.stdout, said.stderr, said.code], [`${version}\n`, '', 0]);

  const server = new Program(t, command, ['run', '--port', '127.0.0.1:0', '--control-port', '0', '--route', '* test']);
  const { clients } = await server.logged('started');
  const greeting = await fetch(`http://${(clients as string[])[0]}/`);
  assert.equal(greeting.status, 200);
  await greeting.body?.cancel();
  assert.equal((await server.stop()).code, 0);

  for (const name of ['publish', 'grip', 'mongrel2']) {
    const program = `const m = await import('holdfast/${name}'); console.log(Object.keys(m).length > 0);`;
    const cwd = join(folder, 'dist');
    const used = await new Program(t, process.execPath, ['--input-type=module', '-e', program], { cwd }).ended;
    assert.deepEqual([used.stdout, used.stderr], ['true\n', ''], name);
  }
});

test('the tarball has the documents that its README and they link to, and no sources or tests', async (t) => {
  const { package: folder } = installed(t);
  const documents = readdirSync(folder, { recursive: true })
    .map(String)
    .filter((name) => name.endsWith('.md'));
  assert.ok(documents.includes('README.md') && documents.length > 10);
  for (const name of documents.filter((document) => !isForContributors(document))) {
    for (const target of localLinks(readFileSync(join(folder, name), 'utf8'))) {
      assert.ok(existsSync(join(folder, dirname(name), target)), `${name}: ${target}`);
    }
  }
  for (const name of ['src', 'test', 'bench', 'scripts', 'packaging/debian'])
    assert.equal(existsSync(join(folder, name)), false);
  assert.ok(existsSync(join(folder, 'dist/LICENSES')));
  assertCoded(readdirSync(join(folder, 'dist/dashboard'), { recursive: true }).map(String));
});
