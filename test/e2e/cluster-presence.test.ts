import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import type { StreamedResponse } from '../support/client.ts';
import { Client } from '../support/client.ts';
import { type KeepingRig, startKeeping } from '../support/history/kept-channels.ts';
import { runServer } from '../support/holdfast.ts';
import { startNats } from '../support/nats.ts';
import { portOf } from '../support/port-of.ts';
import { startPresenceOrigin } from '../support/presence/presence-origin.ts';
import { WebhookReceiver } from '../support/presence/webhook-receiver.ts';
import { eventually } from '../support/running-app.ts';

/** What nodes have in common. */
async function cluster(t: TestContext) {
  const nats = await startNats(t);
  if (nats === null) return null;
  const hook = await WebhookReceiver.start(t);
  const rules = '[hub]\npresence_grace = 1\n[[channel]]\nmatch = ">"\npresence = true\n';
  const sections = `[cluster]\nnats = ["${nats.url}"]\n${rules}${hook.table('match = "room"')}`;
  const origin = await startPresenceOrigin(t);
  return { nats, hook, sections, origin, start: () => startKeeping(t, sections, origin) };
}

function stream(rig: KeepingRig, user: string, channel = 'room'): Promise<StreamedResponse> {
  return rig.stream(channel, null, user === '' ? '' : `&u=${user}`);
}

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

/** Users of the room as a node has them, as `ann 2`. */
async function users(rig: KeepingRig): Promise<string[]> {
  const { json } = await rig.control.send('GET', '/channels/room/presence');
  return json.users.map(({ user, connections }: { user: string; connections: number }) => `${user} ${connections}`);
}

async function untilUsers(rig: KeepingRig, ...expected: string[]): Promise<void> {
  while ((await users(rig)).join() !== expected.join()) await setTimeout(10);
}

test('clients of all nodes and webhooks hear once who comes to a node and who leaves the last one', async (t) => {
  const made = await cluster(t);
  if (made === null) return;
  const { hook } = made;
  const [a, b] = [await made.start(), await made.start()];
  const watchers = [await stream(a, '', '$presence.room'), await stream(b, '', '$presence.room')];
  const ann = [await stream(a, 'ann'), await stream(b, 'ann'), await stream(b, 'ann')] as const;
  const bob = await stream(b, 'bob');
  for (const rig of [a, b]) await untilUsers(rig, 'ann 3', 'bob 1');
  for (const watcher of watchers) await eventually(() => told(watcher).length === 2);
  leave(ann[0]);
  for (const rig of [a, b]) await untilUsers(rig, 'ann 2', 'bob 1');
  for (const client of [...ann, bob]) leave(client);
  await hook.got('vacated room');
  for (const watcher of watchers) {
    await eventually(() => told(watcher).length === 4);
    assert.deepEqual(told(watcher).slice(0, 2).sort(), ['join ann', 'join bob']);
    assert.deepEqual(told(watcher).slice(2).sort(), ['leave ann', 'leave bob']);
  }
  assert.deepEqual([...hook.texts].sort(), [
    'join room ann',
    'join room bob',
    'leave room ann',
    'leave room bob',
    'occupied room',
    'vacated room',
  ]);
  assert.equal(hook.texts[0], 'occupied room');
  for (const rig of [a, b]) await untilUsers(rig);
});

test('when a node stops the other one leads, and the last one publishes that all have left', async (t) => {
  const made = await cluster(t);
  if (made === null) return;
  const { hook } = made;
  const [a, b] = [await made.start(), await made.start()];
  await stream(a, 'ann');
  await stream(b, 'bob');
  await hook.got('join room ann');
  await hook.got('join room bob');
  await a.app.app.stop(0);
  await hook.got('leave room ann');
  await untilUsers(b, 'bob 1');
  await b.app.app.stop(1);
  await hook.got('vacated room');
  assert.deepEqual(hook.texts.slice(3), ['leave room ann', 'leave room bob', 'vacated room']);
});

test('the users of a node that is killed leave, whichever node that was', async (t) => {
  const made = await cluster(t);
  if (made === null) return;
  const { hook, sections, origin } = made;
  const nodes = [];
  for (let i = 0; i < 3; i++) {
    const { program, clients } = await runServer(
      t,
      ['--route', `* ${origin}`],
      // One of them has its clients in worker processes.
      `${sections}\n[server]\nworkers = ${i === 1 ? 2 : 1}\n`,
    );
    nodes.push({ program, client: new Client(t, portOf(clients[0] ?? '')) });
  }
  const last = await made.start();
  await stream(last, 'x');
  for (const [i, { client }] of nodes.entries()) await client.stream({ path: `/?c=room&u=u${i}` });
  for (const user of ['u0', 'u1', 'u2', 'x']) await hook.got(`join room ${user}`);
  for (const [i, { program }] of nodes.entries()) {
    program.kill('SIGKILL');
    await hook.got(`leave room u${i}`);
  }
  await untilUsers(last, 'x 1');
  // Once each, or again where a node was killed before it had written down what it had told.
  assert.deepEqual([...new Set(hook.texts)].sort(), [
    ...['join room u0', 'join room u1', 'join room u2', 'join room x'],
    ...['leave room u0', 'leave room u1', 'leave room u2', 'occupied room'],
  ]);
});
