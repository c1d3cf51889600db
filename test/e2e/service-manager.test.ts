import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { startHoldfast } from '../support/holdfast.ts';
import { requirePeer } from '../support/peers.ts';
import { Program } from '../support/program.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { Upgraded } from '../support/upgraded.ts';

/** Stands for the service manager: prints each message that it is sent, with its lines joined by spaces. */
const RECEIVER = `
import socket, sys
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind(sys.argv[1])
print('listening', flush=True)
while True:
    message = ' '.join(receiver.recv(65536).decode().splitlines())
    # systemd-notify waits for its end: it comes with a descriptor, which is closed here.
    if message != 'BARRIER=1': print(message, flush=True)
`;

/** A server that tells a service manager, and what that has been told. */
async function start(t: TestContext, env: Readonly<Record<string, string>> = {}) {
  if (requirePeer(t, 'systemd-notify') === null) return null;
  const cwd = temporaryFolder(t);
  const socket = join(cwd, 'notify');
  const manager = new Program(t, '/usr/bin/python3', ['-c', RECEIVER, socket]);
  await manager.output(/^listening$/m);
  writeFileSync(join(cwd, 'holdfast.toml'), '[server]\nlisten = ["127.0.0.1:0"]\nupgrade_timeout = 1\n');
  const args = ['run', '--control-port', '0', '--route', '* test'];
  const program = startHoldfast(t, args, { cwd, env: { NOTIFY_SOCKET: socket, ...env } });
  return { manager, program, server: new Upgraded(t, program) };
}

test('the service manager is told that the server is ready, reloads, is replaced and stops', async (t) => {
  const rig = await start(t);
  if (rig === null) return;
  const { manager, server } = rig;
  await manager.output(new RegExp(`^MAINPID=${server.pid} READY=1 STATUS=Ready$`, 'm'));
  process.kill(server.pid, 'SIGHUP');
  await manager.output(/^RELOADING=1 MONOTONIC_USEC=[0-9]+ STATUS=Reloading\nMAINPID=[0-9]+ READY=1 STATUS=Ready$/m);
  const pid = await server.upgrade();
  await manager.output(new RegExp(`^MAINPID=${pid} READY=1 STATUS=Ready$`, 'm'));
  process.kill(pid, 'SIGTERM');
  await manager.output(/^STOPPING=1 STATUS=Stopping$/m);
  await rig.program.ended;
  assert.deepEqual(rig.program.errors(), []);
});

test('signs of life come where the service manager waits for them', async (t) => {
  const rig = await start(t, { WATCHDOG_USEC: '100000' });
  if (rig === null) return;
  await rig.manager.output(/^WATCHDOG=1\nWATCHDOG=1$/m);
  assert.equal((await rig.program.stop()).code, 0);
});

test('no signs of life come where those of another process are waited for', async (t) => {
  const rig = await start(t, { WATCHDOG_USEC: '100000', WATCHDOG_PID: '1' });
  if (rig === null) return;
  await rig.manager.output(/READY=1/);
  await rig.program.stop();
  await rig.manager.output(/STOPPING=1/);
  assert.doesNotMatch(rig.manager.stdout, /WATCHDOG/);
});

test('a service manager that cannot be told is named once, and the server runs', async (t) => {
  const rig = await start(t, { NOTIFY_SOCKET: '/no/such/socket' });
  if (rig === null) return;
  const { program } = rig;
  await program.logged('the service manager cannot be told');
  const { code } = await program.stop();
  assert.equal(code, 0);
  assert.equal(program.log().filter(({ msg }) => msg === 'the service manager cannot be told').length, 1);
});
