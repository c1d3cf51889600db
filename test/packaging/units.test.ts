import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { systemdUnits } from '../../packaging/units.ts';
import { requirePeer } from '../support/peers.ts';
import { startReloading } from '../support/reloading.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** Ten times the exposure that systemd-analyze may find. */
const MAX_EXPOSURE = '20';

test('systemd takes the units without a complaint, and finds the services hardened', (t) => {
  if (requirePeer(t, 'systemd-analyze') === null) return;
  const units = systemdUnits();
  // A root of its own, so that nothing depends on what this machine has.
  const root = temporaryFolder(t);
  const folder = join(root, 'usr/lib/systemd/system');
  for (const path of [folder, join(root, 'usr/bin'), join(root, 'bin'), join(root, 'etc')])
    mkdirSync(path, { recursive: true });
  for (const command of ['usr/bin/holdfast', 'bin/sh']) {
    writeFileSync(join(root, command), '#!/bin/sh\n');
    chmodSync(join(root, command), 0o755);
  }
  const targets = [
    'multi-user',
    'network-online',
    'sockets',
    'sysinit',
    'basic',
    'shutdown',
    'network',
    'paths',
    'timers',
    'slices',
  ];
  for (const name of targets) writeFileSync(join(folder, `${name}.target`), `[Unit]\nDescription=${name}\n`);
  for (const [name, unit] of units) writeFileSync(join(folder, name), unit);
  for (const name of units.keys()) {
    const verified = spawnSync('systemd-analyze', ['verify', '--man=no', '--root', root, name], { encoding: 'utf8' });
    assert.deepEqual([verified.stderr, verified.status], ['', 0], name);
    if (!name.endsWith('.service')) continue;
    const args = ['security', '--offline=true', '--no-pager', `--threshold=${MAX_EXPOSURE}`, '--root', root, name];
    const judged = spawnSync('systemd-analyze', args, { encoding: 'utf8' });
    assert.equal(judged.status, 0, judged.stdout + judged.stderr);
  }
});

test('a socket unit listens where the configuration of its service does', () => {
  const units = systemdUnits();
  const config = (name: string) => readFileSync(new URL(`../../packaging/etc/${name}`, import.meta.url), 'utf8');
  for (const [socket, file] of [
    ['holdfast.socket', 'holdfast.toml'],
    ['holdfast-edge.socket', 'edge.toml'],
  ] as const) {
    const streams = [...(units.get(socket) as string).matchAll(/^ListenStream=(.*)$/gm)].map(([, address]) => address);
    assert.ok(streams.length > 0);
    for (const address of streams) assert.ok(config(file).includes(`"${address}`), `${address} in ${file}`);
  }
});

test('a reload of a unit goes over the socket of its configuration, waits, and fails with the reason', async (t) => {
  const units = systemdUnits();
  const program = fileURLToPath(new URL('../../bin/holdfast', import.meta.url));
  const route = '[[route]]\nhost = "*"\ntargets = ["test"]\n';
  const rig = await startReloading(t, route);
  for (const [name, file] of [
    ['holdfast.service', 'holdfast.toml'],
    ['holdfast-edge.service', 'edge.toml'],
    ['holdfast-fetch.service', 'fetch.toml'],
  ] as const) {
    const command = /^ExecReload=\/bin\/sh -c '(.*)'$/m.exec(units.get(name) as string)?.[1] ?? assert.fail(name);
    const socket = /unix:(\S+?);/.exec(command)?.[1] ?? assert.fail(command);
    const config = readFileSync(new URL(`../../packaging/etc/${file}`, import.meta.url), 'utf8');
    assert.ok(config.includes(`"unix:${socket}?mode=660"`), name);
    /** What systemd makes of it, with the server of this test in place of the one of the package. */
    const reload = (path: string) =>
      spawnSync(
        '/bin/sh',
        ['-c', command.replaceAll('$$', '$').replaceAll(socket, path).replace('/usr/bin/holdfast', program)],
        {
          encoding: 'utf8',
          env: { ...process.env, MAINPID: String(rig.program.pid) },
        },
      );
    const path = join(rig.folder, 'control');

    rig.write(`${route}[log]\nlevel = "debug"\n`);
    const done = reload(path);
    assert.deepEqual([done.status, done.stderr], [0, '']);
    assert.equal((await rig.next()).msg, 'configuration reloaded');

    rig.write(`${route}[log]\nlevle = "info"\n`);
    const refused = reload(path);
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /^holdfast\.toml:\d+: log\.levle: unknown key; did you mean "level"\?$/m);
    assert.equal((await rig.next()).msg, 'configuration not reloaded');

    rig.write(route);
    assert.equal(reload(`${path}.none`).status, 0);
    assert.equal((await rig.next()).msg, 'configuration reloaded');
  }
  assert.equal((await rig.program.stop()).code, 0);
});
