import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { holdfast } from '../support/holdfast.ts';
import { databaseFolder } from '../support/mongrel2-database.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const CASES = new URL('../cases/config/mongrel2/', import.meta.url);
const CONF = readFileSync(new URL('site.conf', CASES), 'utf8');
const TOML = readFileSync(new URL('site.toml', CASES), 'utf8');

const ROWS = `
insert into server (id, uuid, access_log, error_log, chroot, pid_file, default_host, name, bind_addr, port)
  values (1, 'u1', '/logs/access.log', '/logs/error.log', './', '/run/mongrel2.pid', 'localhost', 'main', '127.0.0.1', 6767);
insert into host values (1, 1, 0, 'localhost', 'localhost');
insert into directory values (1, 'static/', 'index.html', 'text/plain', 0);
insert into route values (1, '/', 0, 1, 1, 'dir');
insert into setting values (1, 'limits.min_ping', '60');
insert into mimetype values (1, 'text/html', '.html');
insert into mimetype values (2, 'text/x-own', '.own');
`;

test('holdfast import writes a holdfast.toml that holdfast check accepts, as it does the configuration of Mongrel2', async (t) => {
  const cwd = temporaryFolder(t, { 'mongrel2.conf': CONF });
  const imported = await holdfast(t, ['import', 'mongrel2.conf', '-o', 'holdfast.toml'], { cwd });
  assert.equal(imported.code, 0, imported.stderr);
  assert.equal(readFileSync(join(cwd, 'holdfast.toml'), 'utf8'), TOML);
  assert.equal(
    imported.stderr,
    'mongrel2.conf:46:23: zeromq.threads: has no effect: there are no threads for ZeroMQ, ignored\n',
  );
  const toml = await holdfast(t, ['check'], { cwd });
  assert.equal(toml.code, 0, toml.stderr);
  const conf = await holdfast(t, ['check', '--config', 'mongrel2.conf'], { cwd });
  assert.equal(conf.stdout, toml.stdout);
});

test('a config.sqlite is read with the command sqlite3', async (t) => {
  const cwd = databaseFolder(t, ROWS);
  if (cwd === null) return;
  const imported = await holdfast(t, ['import', 'config.sqlite'], { cwd });
  assert.equal(imported.code, 0, imported.stderr);
  assert.match(imported.stdout, /^uuid = "u1"\nname = "main"\nroot = ".\/"$/m);
  // The well-known media types need no line each.
  assert.match(imported.stdout, /^\[edge\.mongrel2\.mime_types\]\n"\.own" = "text\/x-own"\n\n/m);
  writeFileSync(join(cwd, 'holdfast.toml'), imported.stdout);
  const toml = await holdfast(t, ['check'], { cwd });
  const database = await holdfast(t, ['check', '--config', 'config.sqlite'], { cwd });
  assert.equal(database.code, 0, database.stderr);
  assert.equal(database.stdout, toml.stdout);
});

test('without the command sqlite3 the message says what to install', async (t) => {
  const cwd = databaseFolder(t, ROWS);
  if (cwd === null) return;
  for (const args of [
    ['import', 'config.sqlite'],
    ['mongrel2', 'config.sqlite'],
  ]) {
    const { code, stderr } = await holdfast(t, args, { cwd, env: { PATH: '' } });
    assert.equal(code, 1);
    assert.equal(
      stderr,
      'error: cannot read config.sqlite: the command "sqlite3" is needed: install the package sqlite3\n',
    );
  }
});

test('a broken database is refused with the message of sqlite3', async (t) => {
  const cwd = databaseFolder(t, '', { '-x.db': 'SQLite format 3\0 and no more' });
  if (cwd === null) return;
  const { code, stderr } = await holdfast(t, ['import', '--', '-x.db'], { cwd });
  assert.equal(code, 1);
  assert.match(stderr, /^error: cannot read -x\.db: sqlite3: .*not a database/);
});

test('import and check refuse names that Mongrel2 ignores, and take one server of several', async (t) => {
  const host = "hosts=[Host(name='h' routes={'/': Dir(base='s/')})]";
  const text = `servers=[Server(uuid='u1' port=1 ${host}), Server(uuid='u2' port=1 prot=2 ${host})]\n`;
  const cwd = temporaryFolder(t, { 'mongrel2.conf': text });
  for (const command of [
    ['import', 'mongrel2.conf'],
    ['check', '--config', 'mongrel2.conf'],
  ]) {
    const { code, stderr } = await holdfast(t, [...command, '--server', 'u2'], { cwd });
    assert.equal(code, 1);
    assert.equal(stderr, 'mongrel2.conf:1:112: Server.prot: unknown field; did you mean "port"?\n');
    const other = await holdfast(t, [...command, '--server', 'u3'], { cwd });
    assert.equal(other.stderr, 'mongrel2.conf: servers: there is no server "u3", only u1, u2\n');
  }
  const started = await holdfast(t, ['mongrel2', 'mongrel2.conf'], { cwd });
  assert.equal(started.code, 1);
  assert.match(started.stderr, /there are several servers, name one of them by its uuid or name: u1, u2$/m);
});

test('a config module is refused', async (t) => {
  const cwd = temporaryFolder(t, { 'mongrel2.conf': CONF });
  const { code, stderr } = await holdfast(t, ['mongrel2', 'mongrel2.conf', 'main', 'module.so'], { cwd });
  assert.equal(code, 2);
  assert.match(stderr, /^error: too many arguments for 'mongrel2'/);
});

test('--server is for Mongrel2, and holdfast run says how to use its configuration', async (t) => {
  const cwd = temporaryFolder(t, { 'mongrel2.conf': CONF, 'pushpin.conf': '[global]\n', 'holdfast.toml': '' });
  for (const args of [['import', 'pushpin.conf'], ['check']]) {
    const { code, stderr } = await holdfast(t, [...args, '--server', 'x'], { cwd });
    assert.equal(code, 2);
    assert.equal(stderr, 'error: --server is for configurations of Mongrel2\n');
  }
  const { stderr } = await holdfast(t, ['run', '--config', 'mongrel2.conf'], { cwd });
  assert.match(
    stderr,
    /^mongrel2\.conf: for a configuration of Mongrel2, use "holdfast mongrel2 mongrel2\.conf", or "holdfast import mongrel2\.conf" to convert it$/m,
  );
});

test('routes that cannot be matched are refused with their place', async (t) => {
  const text = `servers=[Server(port=1 hosts=[
  Host(name='h' routes={'/(a*)*': Dir(base='s/')})
])]
`;
  const cwd = temporaryFolder(t, { 'mongrel2.conf': text });
  const { code, stderr } = await holdfast(t, ['import', 'mongrel2.conf'], { cwd });
  assert.equal(code, 1);
  assert.match(stderr, /^mongrel2\.conf:2:3: Host: host "h", route "\/\(a\*\)\*": /);
  const toml =
    '[server]\nlisten=[]\n[[edge.mongrel2]]\nlisten = "1"\n[[edge.mongrel2.host]]\nname="h"\nroute = [{ path = "x", dir = "s" }]\n';
  writeFileSync(join(cwd, 'holdfast.toml'), toml);
  const checked = await holdfast(t, ['check'], { cwd });
  assert.equal(
    checked.stderr,
    'holdfast.toml:5: edge.mongrel2[0].host[0]: host "h", route "x": expected a path that begins with /, @ or <\n',
  );
});
