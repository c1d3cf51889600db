import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { Program } from '../support/program.ts';
import { type ScratchRoot, scratchRoot } from '../support/scratch-root.ts';
import { Upgraded } from '../support/upgraded.ts';
import { builtDeb } from './built-debs.ts';

/** Installs the package of this version, or upgrades to it. */
async function install(root: ScratchRoot, version: string): Promise<string> {
  const { path } = await builtDeb(version);
  copyFileSync(path, join(root.folder, 'tmp/holdfast.deb'));
  return root.do('dpkg', '-i', '/tmp/holdfast.deb');
}

/** The body of a response over a unix socket: of a POST where there is a body to send. */
function overSocket(socketPath: string, path: string, body: string | null = null): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, path, method: body === null ? 'GET' : 'POST' }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => (response.statusCode === 200 ? resolve(text) : reject(new Error(text))));
    });
    sent.on('error', reject).end(body ?? undefined);
  });
}

/** Stands for the service manager, and writes down what it is asked. Units are active once `active` is there. */
const SYSTEMCTL = `#!/bin/sh
echo "$@" >>/tmp/systemctl.log
case "$*" in
*is-enabled*) echo enabled ;;
*is-active*) [ -e /tmp/active ] ;;
esac
`;

/** Pretends that systemd runs. The function returns what it was asked since the last call. */
function pretendSystemd(root: ScratchRoot): () => string[] {
  const log = join(root.folder, 'tmp/systemctl.log');
  const command = join(root.folder, 'usr/local/bin/systemctl');
  writeFileSync(command, SYSTEMCTL);
  chmodSync(command, 0o755);
  mkdirSync(join(root.folder, 'run/systemd/system'), { recursive: true });
  return () => {
    const lines = existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : [];
    writeFileSync(log, '');
    return lines;
  };
}

test('the package is installed, runs as its user, is upgraded, and leaves nothing when it is purged', async (t) => {
  const root = scratchRoot(t);
  if (root === null) return;
  const before = root.paths();
  const accounts = root.do('getent', 'passwd') + root.do('getent', 'group');

  await install(root, '1.0.0');
  assert.equal(root.do('holdfast', '--version'), '1.0.0\n');
  for (const name of ['holdfast.toml', 'edge.toml', 'fetch.toml']) {
    assert.match(root.do('stat', '-c', '%A %U %G', `/etc/holdfast/${name}`), /^-rw-r----- root holdfast$/m);
    root.do('holdfast', 'check', '--config', `/etc/holdfast/${name}`);
  }
  assert.ok(existsSync(join(root.folder, 'etc/systemd/system/multi-user.target.wants')));

  // As the unit does it. Only the ports are others.
  const config = join(root.folder, 'etc/holdfast/holdfast.toml');
  const changed = readFileSync(config, 'utf8').replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:0');
  writeFileSync(config, changed);
  root.do(
    'install',
    '-d',
    '-o',
    'holdfast',
    '-g',
    'holdfast',
    '/run/holdfast',
    '/var/lib/holdfast',
    '/var/log/holdfast',
  );
  const command = ['/usr/bin/holdfast', 'run', '--config', '/etc/holdfast/holdfast.toml'];
  const server = new Program(t, 'chroot', ['--userspec=holdfast:holdfast', root.folder, ...command], {
    env: { PATH: '/usr/sbin:/usr/bin', NODE_EXTRA_CA_CERTS: '' },
  });
  const { clients } = await server.logged('started');
  const uid = Number(root.do('id', '-u', 'holdfast'));
  assert.equal(statSync(join(root.folder, 'run/holdfast/control.sock')).uid, uid);
  const greeting = await fetch(`http://${(clients as string[])[0]}/`);
  assert.equal(greeting.status, 200);
  await greeting.body?.cancel();

  const held = await fetch(`http://${(clients as string[])[0]}/stream`);
  const events = (held.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream()).getReader();
  assert.equal((await events.read()).value, '[stream opened]\n');

  // Its user, as any member of its group, finds the socket by the configuration. Others may not read that, and are told so.
  const as = (user: string, group: string, ...line: readonly string[]) =>
    root.run('setpriv', `--reuid=${user}`, `--regid=${group}`, '--clear-groups', '--', ...line);
  assert.equal(as('holdfast', 'holdfast', 'holdfast', 'publish', 'test', 'hello').output, 'Published\n');
  assert.equal((await events.read()).value, 'hello\n');
  const refused = as('nobody', 'nogroup', 'holdfast', 'status');
  assert.equal(refused.status, 1);
  assert.match(refused.output, /5561 \(the default, since \/etc\/holdfast\/holdfast\.toml cannot be read\)/);

  // As systemd does it.
  const unit = root.do('cat', '/usr/lib/systemd/system/holdfast.service');
  const script = (/^ExecReload=\/bin\/sh -c '(.*)'$/m.exec(unit)?.[1] ?? assert.fail(unit)).replaceAll('$$', '$');
  const reload = () => as('holdfast', 'holdfast', 'env', `MAINPID=${server.pid}`, '/bin/sh', '-c', script);
  writeFileSync(config, `${changed}\nnonsense = 1\n`);
  const failed = reload();
  assert.equal(failed.status, 1);
  assert.match(failed.output, /holdfast\.toml:\d+: route\[0\]\.nonsense: unknown key/);
  writeFileSync(config, changed);
  assert.deepEqual(reload(), { status: 0, output: 'nothing has changed\n' });

  await install(root, '1.0.1');
  assert.equal(root.do('holdfast', '--version'), '1.0.1\n');
  assert.equal(readFileSync(config, 'utf8'), changed);
  // As the package asks for it.
  const upgraded = new Upgraded(t, server);
  await upgraded.upgrade();
  const document = JSON.parse(await overSocket(join(root.folder, 'run/holdfast/control.sock'), '/openapi.json'));
  assert.equal(document.info.version, '1.0.1');
  const items = [{ channel: 'test', formats: { 'http-stream': { content: 'of the new process\n' } } }];
  await overSocket(join(root.folder, 'run/holdfast/control.sock'), '/publish', JSON.stringify({ items }));
  assert.equal((await events.read()).value, 'of the new process\n');
  await events.cancel();
  await upgraded.stop();

  root.do('dpkg', '--remove', 'holdfast');
  assert.equal(readFileSync(config, 'utf8'), changed);
  assert.equal(existsSync(join(root.folder, 'usr/bin/holdfast')), false);
  root.do('dpkg', '--purge', 'holdfast');
  assert.deepEqual(root.paths(), before);
  assert.equal(root.do('getent', 'passwd') + root.do('getent', 'group'), accounts);
});

test('the service is started at first, and lets a new process take over at an upgrade', async (t) => {
  const root = scratchRoot(t);
  if (root === null) return;
  const asked = pretendSystemd(root);
  await install(root, '1.0.0');
  const first = asked();
  assert.ok(
    first.some((line) => /\bstart holdfast\.service$/.test(line)),
    first.join('\n'),
  );
  assert.ok(!first.some((line) => line.includes('USR2')));
  writeFileSync(join(root.folder, 'tmp/active'), '');

  await install(root, '1.0.1');
  const upgraded = asked();
  for (const unit of ['holdfast.service', 'holdfast-edge.service', 'holdfast-fetch.service']) {
    assert.ok(upgraded.includes(`kill --kill-whom=main --signal=USR2 ${unit}`), upgraded.join('\n'));
  }
  assert.ok(!upgraded.some((line) => /\b(?:re)?start\b|\bstop\b/.test(line)), upgraded.join('\n'));

  // policy-rc.d forbids what acts on services.
  const policy = join(root.folder, 'usr/sbin/policy-rc.d');
  writeFileSync(policy, '#!/bin/sh\nexit 101\n');
  chmodSync(policy, 0o755);
  await install(root, '1.0.2');
  assert.ok(!asked().some((line) => line.includes('USR2')));
  root.do('rm', '/usr/sbin/policy-rc.d');

  root.do('dpkg', '--purge', 'holdfast');
  const removed = asked();
  assert.ok(
    removed.some((line) => /\bstop .*holdfast\.service/.test(line)),
    removed.join('\n'),
  );
});

test('log files are rotated, and the server opens them again', async (t) => {
  const root = scratchRoot(t);
  if (root === null) return;
  const asked = pretendSystemd(root);
  await install(root, '1.0.0');
  root.do('install', '-d', '-o', 'holdfast', '-g', 'holdfast', '-m', '750', '/var/log/holdfast');
  root.do('sh', '-c', 'echo line >/var/log/holdfast/access.log; chown holdfast:holdfast /var/log/holdfast/access.log');
  writeFileSync(join(root.folder, 'tmp/active'), '');
  asked();
  root.do('logrotate', '--force', '/etc/logrotate.d/holdfast');
  assert.equal(readFileSync(join(root.folder, 'var/log/holdfast/access.log.1'), 'utf8'), 'line\n');
  assert.ok(asked().includes('kill --kill-whom=main --signal=USR1 holdfast.service'));
});
