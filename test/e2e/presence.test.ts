import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { Client, type StreamedResponse } from '../support/client.ts';
import { runServer } from '../support/holdfast.ts';
import { portOf } from '../support/port-of.ts';
import { startPresenceOrigin } from '../support/presence/presence-origin.ts';
import { WebhookReceiver } from '../support/presence/webhook-receiver.ts';
import { eventually } from '../support/running-app.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { Upgraded } from '../support/upgraded.ts';
import { workerOf } from '../support/worker-of.ts';

const SKIP = existsSync(`/proc/${process.pid}/task`) ? false : 'descriptors can be passed on Linux only';

/** The built program, with presence on all channels. */
async function started(t: TestContext, sections: string, workers = 1, origin?: string, grace = 1) {
  const target = origin ?? (await startPresenceOrigin(t));
  const toml = `${sections}
[server]
upgrade_timeout = 2
workers = ${workers}
[hub]
presence_grace = ${grace}
[[channel]]
match = ">"
presence = true
`;
  const { program, clients, controlUrl } = await runServer(t, ['--route', `* ${target}`], toml);
  const port = portOf(clients[0] ?? '');
  const client = new Client(t, port);
  return {
    program,
    target,
    server: new Upgraded(t, program),
    /** Publishes an event. */
    publish: async (channel: string): Promise<void> => {
      const items = [{ channel, formats: { 'http-stream': { content: 'data: there\n\n' } } }];
      const request = { method: 'POST', body: JSON.stringify({ items }) };
      await fetch(`${controlUrl}/publish`, request);
    },
    /** An event stream of a user. */
    stream: (user: string, channel = 'room'): Promise<StreamedResponse> => {
      const who = user === '' ? '' : `&u=${user}`;
      return client.stream({ path: `/?c=${encodeURIComponent(channel)}${who}` });
    },
    /** The worker that has a client. */
    workerOf: ({ request }: StreamedResponse): number =>
      workerOf(program.pid, port, request.socket?.localPort as number),
  };
}

/** A worker, and its clients by user. */
type Held = [worker: number, clients: Map<string, StreamedResponse>];

function leave(client: StreamedResponse): void {
  client.request.socket?.resetAndDestroy();
}

/** What the events of a stream say, as `join ann`. */
function told({ text }: StreamedResponse): string[] {
  return [...text.matchAll(/^data: (.*)$/gm)].map((match) => {
    const { event, user } = JSON.parse(match[1] ?? '');
    return `${event} ${user}`;
  });
}

for (const workers of [1, 2]) {
  const processes = workers === 1 ? 'one process' : 'worker processes';
  test(`clients and webhooks hear who comes and who leaves (${processes})`, async (t) => {
    const hook = await WebhookReceiver.start(t);
    const rig = await started(t, hook.table(), workers);
    const watcher = await rig.stream('', '$presence.room');
    const ann = [await rig.stream('ann'), await rig.stream('ann'), await rig.stream('ann')];
    // Another worker may tell of bob.
    await hook.got('join room ann');
    const bob = await rig.stream('bob');
    await hook.got('join room bob');
    for (const client of ann) leave(client);
    await hook.got('leave room ann');
    leave(bob);
    await hook.got('vacated room');
    await eventually(() => told(watcher).length === 4);
    assert.deepEqual(told(watcher), ['join ann', 'join bob', 'leave ann', 'leave bob']);
    assert.deepEqual(hook.texts, [
      'occupied room',
      'join room ann',
      'join room bob',
      'leave room ann',
      'leave room bob',
      'vacated room',
    ]);
    assert.equal(hook.invalid, 0);
  });
}

test('users of a worker that dies leave, unless they come back', { skip: SKIP }, async (t) => {
  const hook = await WebhookReceiver.start(t);
  const rig = await started(t, hook.table(), 2, undefined, 3);
  const byWorker = new Map<number, Map<string, StreamedResponse>>();
  // Until each of the two has some to lose or to keep.
  for (let i = 0; byWorker.size < 2 || [...byWorker.values()].some(({ size }) => size < 2); i++) {
    const user = `u${i}`;
    const client = await rig.stream(user);
    await hook.got(`join room ${user}`);
    const worker = rig.workerOf(client);
    assert.ok(worker > 0 && i < 500, `${i} clients, the last one at ${worker}`);
    byWorker.set(worker, (byWorker.get(worker) ?? new Map()).set(user, client));
  }
  const [[victim, lost], [, kept]] = [...byWorker] as [Held, Held];
  process.kill(victim, 'SIGKILL');
  const [back, ...others] = lost.keys();
  await lost.get(back as string)?.ended();
  await rig.stream(back as string);
  await rig.program.logged('worker died, its connections are lost');
  await rig.publish('room');
  for (const client of lost.values()) await client.ended();
  for (const client of kept.values()) await client.until('data: there\n\n');
  for (const user of others) await hook.got(`leave room ${user}`);
  const left = hook.texts.filter((text) => text.startsWith('leave')).map((text) => text.slice('leave room '.length));
  assert.deepEqual(new Set(left), new Set(others));
  assert.ok(!hook.texts.includes('vacated room'));
});

/** A server with its store on disk, whose receiver has not taken that bob came. */
async function notTaken(t: TestContext) {
  const hook = await WebhookReceiver.start(t);
  const sections = `[history]\nstore = "disk"\npath = "${temporaryFolder(t)}/history"\n${hook.table()}`;
  const first = await started(t, sections);
  await first.stream('ann');
  await hook.got('join room ann');
  hook.down();
  const bob = await first.stream('bob');
  await first.program.logged('a webhook was not taken');
  /** The server after it. */
  const again = () => started(t, sections, 1, first.target);
  return { hook, first, bob, again };
}

test('events that a receiver did not take outlive a restart with a store on disk, in their order', async (t) => {
  const { hook, first, bob, again } = await notTaken(t);
  leave(bob);
  await first.server.stop();
  assert.deepEqual(hook.texts, ['occupied room', 'join room ann']);
  await hook.up();
  const second = await again();
  await second.stream('eve');
  await hook.got('join room eve');
  const expected = ['occupied room', 'join room ann', 'join room bob'];
  assert.deepEqual(hook.texts.slice(0, 3), expected);
  assert.deepEqual(new Set(hook.texts.slice(3, 5)), new Set(['leave room ann', 'leave room bob']));
  assert.deepEqual(hook.texts.slice(5), ['vacated room', 'occupied room', 'join room eve']);
});

test('events outlive a crash', async (t) => {
  const { hook, first, again } = await notTaken(t);
  process.kill(first.program.pid, 'SIGKILL');
  await first.program.ended;
  await hook.up();
  const second = await again();
  await hook.got('join room bob');
  assert.equal(hook.texts.filter((text) => text === 'join room bob').length, 1);
  await second.stream('eve');
  await hook.got('join room eve');
});

for (const workers of [1, 2]) {
  const processes = workers === 1 ? 'one process' : 'worker processes';
  test(`in an upgrade nobody joins and nobody leaves (${processes})`, { skip: SKIP }, async (t) => {
    const hook = await WebhookReceiver.start(t);
    const rig = await started(t, hook.table(), workers);
    const users = ['ann', 'bob', 'eve'];
    const clients: StreamedResponse[] = [];
    for (const user of users) {
      clients.push(await rig.stream(user));
      await hook.got(`join room ${user}`);
    }
    for (let i = 0; i < 2; i++) {
      const old = rig.server.pid;
      await rig.server.upgrade();
      await rig.server.gone(old);
      await rig.stream(`new${i}`);
      await hook.got(`join room new${i}`);
    }
    assert.deepEqual(hook.texts, [
      'occupied room',
      ...users.map((user) => `join room ${user}`),
      'join room new0',
      'join room new1',
    ]);
    leave(clients[0] as StreamedResponse);
    await hook.got('leave room ann');
    assert.ok(!hook.texts.includes('vacated room'));
  });
}
