import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { ControlSocket } from '../support/control/control-socket.ts';
import { CrowdPublisher } from '../support/crowd-publisher.ts';
import { HeldCrowd } from '../support/held-crowd.ts';
import { startHoldfast } from '../support/holdfast.ts';
import type { LogRecord } from '../support/program.ts';
import { connectTo, type RawClient } from '../support/raw-client.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { isRunning, Upgraded } from '../support/upgraded.ts';
import { childrenOf } from '../support/worker-of.ts';

const SKIP = existsSync(`/proc/${process.pid}/task`) ? false : 'processes cannot be listed here';

const MOVED = 'clients moved to the new process';
const LOST = 'worker died, its connections are lost';

function toml(workers: number): string {
  return `[server]
listen = ["127.0.0.1:0"]
max_connections = 5000
upgrade_timeout = 2
workers = ${workers}
[control]
listen = ["127.0.0.1:0", "unix:control.sock"]
[log]
level = "debug"
`;
}

/** A server with worker processes, and a crowd that it holds. */
class WorkersRig {
  readonly crowd: HeldCrowd;
  readonly server: Upgraded;
  readonly address: string;
  readonly publisher: CrowdPublisher;
  readonly control: ControlSocket;
  readonly #cwd: string;

  private constructor(t: TestContext, crowd: HeldCrowd, server: Upgraded, cwd: string, record: LogRecord) {
    const [address = ''] = record.clients as string[];
    const [control = ''] = record.publishers as string[];
    this.crowd = crowd;
    this.server = server;
    this.address = address;
    this.publisher = new CrowdPublisher(crowd, control);
    this.control = new ControlSocket(t, join(cwd, 'control.sock'));
    this.#cwd = cwd;
  }

  /** With clients that take a while to move, and one that cannot. */
  static async crowded(t: TestContext): Promise<{ readonly rig: WorkersRig; readonly busy: RawClient }> {
    const rig = await WorkersRig.start(t);
    await rig.crowd.connect(rig.address, { streams: 600, polls: 0, webSockets: 200 });
    return { rig, busy: await rig.crowd.connectBusy(t, rig.address) };
  }

  static async start(t: TestContext): Promise<WorkersRig> {
    const crowd = await HeldCrowd.start(t);
    const cwd = temporaryFolder(t, { 'holdfast.toml': toml(2) });
    const program = startHoldfast(t, ['run', '--route', `* ${crowd.target},over_http`], { cwd });
    const server = new Upgraded(t, program);
    return new WorkersRig(t, crowd, server, cwd, await program.logged('started'));
  }

  /** From the next upgrade on. */
  set workers(workers: number) {
    writeFileSync(join(this.#cwd, 'holdfast.toml'), toml(workers));
  }

  /** Upgrades, and waits for the end of the old process. */
  async upgrade(): Promise<void> {
    const old = this.server.pid;
    await this.server.upgrade();
    await this.server.gone(old);
  }

  /** How many clients have moved with each upgrade so far, and how many stayed. */
  get moves(): readonly { readonly moved: number; readonly stay: number }[] {
    const records = this.server.program.log().filter(({ msg }) => msg === MOVED);
    return records.map(({ moved, stay }) => ({ moved: moved as number, stay: stay as number }));
  }

  log(message: string): LogRecord[] {
    return this.server.program.log().filter(({ msg }) => msg === message);
  }
}

test('held clients of worker processes stay connected over upgrades to as many and to more workers, and get each item once', {
  skip: SKIP,
}, async (t) => {
  const rig = await WorkersRig.start(t);
  const { crowd, publisher, server } = rig;
  await crowd.connect(rig.address, { streams: 260, polls: 20, webSockets: 80 });
  publisher.start();
  for (const workers of [2, 3, 2]) {
    rig.workers = workers;
    await rig.upgrade();
    assert.equal(childrenOf(server.pid).length, workers);
  }
  await publisher.stop();
  await crowd.caughtUp();
  assert.deepEqual(publisher.refused, []);
  assert.deepEqual(crowd.faults, { lost: 0, again: 0, closed: 0 });
  assert.ok(crowd.published > 50);
  assert.equal(rig.moves.length, 3);
  for (const { moved } of rig.moves) assert.ok(moved > 0.9 * crowd.size, `${moved} of ${crowd.size}`);
  await server.stop();
  assert.deepEqual(server.program.errors(), []);
});

test('a connection that has moved is found by its id, and an id that was seen stays known', {
  skip: SKIP,
}, async (t) => {
  const rig = await WorkersRig.start(t);
  const { crowd, control, server } = rig;
  const clients: RawClient[] = [];
  for (let i = 0; i < 4; i++) {
    const client = await connectTo(t, rig.address);
    client.write('GET /stream HTTP/1.1\r\nHost: a\r\n\r\n');
    await client.takeHead();
    clients.push(client);
  }
  const items = [crowd.next(), crowd.next()];
  const publish = async (items: readonly object[]): Promise<void> => {
    const published = await control.open('POST', '/publish', { items });
    await published.ended();
    assert.equal(published.status, 200);
  };
  await publish(items);
  await Promise.all(clients.map((client) => client.take('<2>\r\n')));
  const held = () => rig.log('hold').map(({ id }) => id as string);
  // What is logged comes by another way than what clients get.
  while (held().length < clients.length) await pause(10);
  const ids = held();
  await rig.upgrade();
  assert.deepEqual(rig.moves, [{ moved: clients.length, stay: 0 }]);
  // Repeated, and then a new one.
  await publish([...items, crowd.next()]);
  for (const client of clients) assert.doesNotMatch(await client.take('<3>\r\n'), /<[12]>/);
  for (const id of ids) assert.equal((await control.send('DELETE', `/connections/${id}`)).status, 204);
  for (const id of ids) assert.equal((await control.send('DELETE', `/connections/${id}`)).status, 404);
  await Promise.all(clients.map((client) => client.ended));
  await server.stop();
});

test('a new main process that is killed while clients move leaves the others to the old workers, and the next one takes them', {
  skip: SKIP,
}, async (t) => {
  const { rig, busy } = await WorkersRig.crowded(t);
  const { crowd, publisher, server } = rig;
  await publisher.publish();
  await crowd.caughtUp();
  process.kill(server.pid, 'SIGUSR2');
  const pid = await server.started();
  await server.program.logged('upgrade: new process accepts connections');
  process.kill(pid, 'SIGKILL');
  await server.program.logged('upgrade failed: the new process did not take over, this one goes on');
  await publisher.publish();
  await crowd.caughtUp();
  await busy.until(() => busy.text.includes('<2>'));
  const { lost, again, closed } = crowd.faults;
  // Those that had moved already are gone with it.
  assert.deepEqual({ lost: lost - closed, again }, { lost: 0, again: 0 });
  await rig.upgrade();
  await publisher.publish();
  await crowd.caughtUp();
  assert.deepEqual(rig.moves, [{ moved: crowd.size - closed, stay: 1 }]);
  const after = crowd.faults;
  assert.deepEqual(
    { lost: after.lost - 2 * closed, again: after.again, closed: after.closed },
    { lost: 0, again: 0, closed },
  );
});

for (const side of ['old', 'new'] as const) {
  test(`a worker of the ${side} process that is killed while clients move takes along no more than its own`, {
    skip: SKIP,
  }, async (t) => {
    const { rig } = await WorkersRig.crowded(t);
    const { crowd, publisher, server } = rig;
    publisher.start();
    const old = server.pid;
    const oldWorkers = childrenOf(old);
    process.kill(old, 'SIGUSR2');
    const next = await server.started();
    await server.program.logged('upgrade: new process accepts connections');
    const victim = (side === 'old' ? oldWorkers : childrenOf(next))[0] as number;
    process.kill(victim, 'SIGKILL');
    await server.program.logged(LOST, ({ pid }) => pid === victim);
    await server.program.logged('upgrade: new process has taken over');
    server.pid = next;
    await server.gone(old);
    await publisher.stop();
    await crowd.caughtUp();
    assert.deepEqual(publisher.refused, []);
    const { again, closed } = crowd.faults;
    const [{ moved, stay } = { moved: 0, stay: 0 }] = rig.moves;
    assert.equal(again, 0);
    assert.ok(closed < crowd.size, `${closed} of ${crowd.size}`);
    assert.ok(moved > 0 && moved + stay <= crowd.size + 1, `${moved} moved, ${stay} stay`);
    assert.equal(crowd.lostByOpen, 0);
  });
}

test('an old main process that is killed while clients move takes along no more than what has not moved', {
  skip: SKIP,
}, async (t) => {
  const { rig } = await WorkersRig.crowded(t);
  const { crowd, publisher, server } = rig;
  await publisher.publish();
  await crowd.caughtUp();
  const old = server.pid;
  const oldWorkers = childrenOf(old);
  process.kill(old, 'SIGUSR2');
  server.pid = await server.started();
  await server.program.logged('upgrade: new process accepts connections');
  process.kill(old, 'SIGKILL');
  await server.gone(old);
  while (oldWorkers.some(isRunning)) await pause(10);
  await crowd.connect(rig.address, { streams: 10, polls: 0, webSockets: 10 });
  await publisher.publish();
  await publisher.publish();
  await crowd.caughtUp();
  assert.equal(crowd.faults.again, 0);
  assert.equal(crowd.lostByOpen, 0);
  assert.deepEqual(publisher.refused, []);
  await server.stop();
});
