import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { CrowdPublisher } from '../support/crowd-publisher.ts';
import { HeldCrowd } from '../support/held-crowd.ts';
import { startHoldfast } from '../support/holdfast.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { Upgraded } from '../support/upgraded.ts';

const SKIP = existsSync('/proc/self/status') ? false : 'descriptors can be passed on Linux only';

const TOML = `[server]
listen = ["127.0.0.1:0"]
max_connections = 5000
upgrade_timeout = 2
[control]
listen = ["127.0.0.1:0"]
`;

async function started(t: TestContext) {
  const crowd = await HeldCrowd.start(t);
  const cwd = temporaryFolder(t, { 'holdfast.toml': TOML });
  const program = startHoldfast(t, ['run', '--route', `* ${crowd.target},over_http`], { cwd });
  const server = new Upgraded(t, program);
  const { clients, publishers } = await program.logged('started');
  const [address = ''] = clients as string[];
  const [control = ''] = publishers as string[];
  return { crowd, program, server, address, publisher: new CrowdPublisher(crowd, control) };
}

test('held clients stay connected over ten upgrades, and get each item once, in order', { skip: SKIP }, async (t) => {
  const { crowd, program, server, address, publisher } = await started(t);
  await crowd.connect(address, { streams: 120, polls: 40, webSockets: 40 });
  publisher.start();
  for (let i = 0; i < 10; i++) {
    const old = server.pid;
    await server.upgrade();
    await server.gone(old);
  }
  await publisher.stop();
  await crowd.caughtUp();
  assert.deepEqual(publisher.refused, []);
  assert.deepEqual(crowd.faults, { lost: 0, again: 0, closed: 0 });
  assert.ok(crowd.published > 50);
  await server.stop();
  assert.deepEqual(program.errors(), []);
});

test('a new process that is killed while clients move leaves the others to the old one', { skip: SKIP }, async (t) => {
  const { crowd, program, server, address, publisher } = await started(t);
  await crowd.connect(address, { streams: 300, polls: 0, webSockets: 100 });
  const busy = await crowd.connectBusy(t, address);
  await publisher.publish();
  await crowd.caughtUp();
  process.kill(server.pid, 'SIGUSR2');
  const pid = await server.started();
  await program.logged('upgrade: new process accepts connections');
  process.kill(pid, 'SIGKILL');
  await program.logged('upgrade failed: the new process did not take over, this one goes on');
  await publisher.publish();
  await crowd.caughtUp();
  await busy.until(() => busy.text.includes('<2>'));
  const { lost, again, closed } = crowd.faults;
  // Those that had moved already are gone with it.
  assert.deepEqual({ lost: lost - closed, again }, { lost: 0, again: 0 });
});
