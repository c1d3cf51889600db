import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { HubLimits, WebSocketOwner } from '../../../src/hub/index.ts';
import { MAX_SHAPED_BYTES } from '../../../src/hub/rate-shaper.ts';
import { FakeWebSocketRequester } from '../../support/exchange/fake-websocket-requester.ts';
import type { HeldClient } from '../../support/exchange/held-client.ts';
import {
  type HubRig,
  messageItem,
  responseInstruct,
  rig,
  SilentOrigin,
  streamAction,
  streamInstruct,
  streamItem,
  takeAllEachTurn,
  turn,
} from './support.ts';

const IDLE_OWNER: WebSocketOwner = {
  onRelayed() {},
  onReplied() {},
  onOwnPassed() {},
  onPublishedClose() {},
  onRefresh() {},
  onHoldFailed: assert.ifError,
};

function streams(made: HubRig, count: number, channel = 'a', route = ''): HeldClient[] {
  return Array.from({ length: count }, () => made.hold(made.client(), streamInstruct([channel]), { route }));
}

function shaped(t: TestContext, limits: Partial<HubLimits>): HubRig {
  return rig(t, { limits });
}

function reached(clients: readonly HeldClient[]): number {
  return clients.filter(({ body }) => body !== '').length;
}

/** Lets a batch go out. */
async function batch(made: HubRig): Promise<void> {
  made.advance(25);
  await turn();
}

test('deliveries go out in batches of 25 ms: 63 at 2,500 a second', async (t) => {
  const made = shaped(t, { messageRate: 2_500 });
  const clients = streams(made, 300);
  await made.publish(streamItem('a', 'x'));
  assert.equal(reached(clients), 63);
  await batch(made);
  assert.equal(reached(clients), 63 + 62);
  for (let i = 0; i < 3; i++) await batch(made);
  assert.equal(reached(clients), 300);
  assert.equal(made.counters.itemsDelivered, 300);
  assert.equal(made.counters.deliveriesDropped, 0);
});

test('one delivery a second is possible', async (t) => {
  const made = shaped(t, { messageRate: 1 });
  const clients = streams(made, 3);
  await made.publish(streamItem('a', 'x'));
  assert.equal(reached(clients), 1);
  for (let i = 0; i < 39; i++) await batch(made);
  assert.equal(reached(clients), 1);
  await batch(made);
  assert.equal(reached(clients), 2);
});

test('each client gets items in their order, and a close after them', async (t) => {
  const made = shaped(t, { messageRate: 40 });
  const clients = streams(made, 3);
  await made.publish(streamItem('a', '1'));
  await made.publish(streamItem('a', '2'));
  await made.publish(streamAction('a', 'close'));
  for (let i = 0; i < 10; i++) await batch(made);
  for (const client of clients) {
    assert.equal(client.body, '12');
    assert.equal(client.complete, true);
  }
});

test('routes have their rates apart, and take turns', async (t) => {
  const made = shaped(t, { messageRate: 40 });
  const busy = streams(made, 20, 'a', 'busy');
  const quiet = streams(made, 2, 'b', 'quiet');
  await made.publish(streamItem('a', 'x'), streamItem('b', 'y'));
  assert.deepEqual([reached(busy), reached(quiet)], [1, 1]);
  await batch(made);
  assert.deepEqual([reached(busy), reached(quiet)], [2, 2]);
});

test('what exceeds message_hwm is dropped, counted, and logged once until the route has caught up', async (t) => {
  const made = shaped(t, { messageRate: 40, messageHwm: 4 });
  const clients = streams(made, 10);
  await made.publish(streamItem('a', 'x'));
  assert.equal(made.counters.deliveriesDropped, 5);
  await made.publish(streamItem('a', 'y'));
  assert.equal(made.counters.deliveriesDropped, 15);
  const [warning, ...more] = made.log.with('exceeded publish hwm (4), dropping message');
  assert.equal(warning?.level, 'warn');
  assert.deepEqual(more, []);
  for (let i = 0; i < 6; i++) await batch(made);
  assert.equal(reached(clients), 5);
  assert.deepEqual(made.log.of('deliveries were dropped at message_hwm'), [{ route: '', dropped: 15 }]);
});

test('updates after first subscriptions take nothing of the rate', async (t) => {
  const made = shaped(t, { messageRate: 40, messageHwm: 4, updateOnFirstSubscription: true });
  const origin = new SilentOrigin();
  const channels = Array.from({ length: 10 }, (_, i) => `c${i}`);
  for (const name of channels) made.hold(made.client(), responseInstruct([name]), { replay: origin.replay });
  made.advance(1_200);
  await turn();
  assert.equal(origin.replays.length, 10);
  const clients = streams(made, 5, 'late');
  await made.publish(streamItem('late', 'x'));
  assert.equal(reached(clients), 1, 'the rate was all there');
  assert.equal(made.counters.deliveriesDropped, 0);
});

test('joined items are weighed one by one: a batch has no more than the rate allows, and what fits message_hwm waits', async (t) => {
  const made = shaped(t, { messageRate: 1_000, messageHwm: 50 });
  const [client] = streams(made, 1);
  await made.publish(...Array.from({ length: 85 }, (_, i) => streamItem('a', `${i} `)));
  const bodyOf = (items: number): string => Array.from({ length: items }, (_, i) => `${i} `).join('');
  assert.equal(client?.body, bodyOf(25));
  assert.equal(made.counters.deliveriesDropped, 10);
  await batch(made);
  assert.equal(client?.body, bodyOf(50));
  // Half of what may wait is free again.
  await made.publish(...Array.from({ length: 60 }, () => streamItem('a', 'x')));
  assert.equal(made.counters.deliveriesDropped, 10 + 35);
  for (let i = 0; i < 4; i++) await batch(made);
  assert.equal(client?.body, bodyOf(75) + 'x'.repeat(25));
  assert.equal(made.counters.itemsDelivered, 100);
  assert.deepEqual(made.log.of('deliveries were dropped at message_hwm'), [{ route: '', dropped: 45 }]);
});

test('joined items count as their blocks, one by one', async (t) => {
  const made = shaped(t, { messageRate: 400, messageHwm: 6, messageBlockSize: 10 });
  const [client] = streams(made, 1);
  await made.publish(...[...'abcdefgh'].map((letter) => streamItem('a', letter.repeat(25))));
  // Four of three blocks each are a batch of ten and two more; two further ones may wait.
  assert.equal(client?.body.length, 4 * 25);
  assert.equal(made.counters.deliveriesDropped, 2);
  await batch(made);
  assert.equal(client?.body.length, 6 * 25);
});

test('joined messages of WebSockets are weighed one by one too', async (t) => {
  const made = shaped(t, { messageRate: 1_000, messageHwm: 50 });
  const requester = new FakeWebSocketRequester(65_536);
  requester.onResponse({ status: 101, reason: '', headers: [], bodyLength: 0 });
  const hold = made.hub.holdWebSocket({ id: '1-1', requester, credits: 65_536, owner: IDLE_OWNER });
  hold.subscribe('a');
  await made.publish(...Array.from({ length: 85 }, (_, i) => messageItem('a', `${i}`)));
  assert.deepEqual(requester.joined, [25]);
  assert.equal(made.counters.deliveriesDropped, 10);
  await batch(made);
  assert.deepEqual(requester.joined, [25, 25]);
  for (let i = 0; i < 2; i++) await batch(made);
  assert.deepEqual(
    requester.events,
    Array.from({ length: 75 }, (_, i) => `text ${i}`),
  );
});

test('an item counts as its blocks, by its size or by what the publisher says', async (t) => {
  const made = shaped(t, { messageRate: 400, messageBlockSize: 10 });
  const clients = streams(made, 20);
  await made.publish(streamItem('a', 'x'.repeat(25)));
  // Three blocks each; a batch is ten, and its last delivery may exceed it.
  assert.equal(reached(clients), 4);
  await batch(made);
  assert.equal(reached(clients), 7);
  for (let i = 0; i < 8; i++) await batch(made);
  assert.equal(reached(clients), 20);
  await made.publish({ ...streamItem('a', 'y'), size: 1_000 });
  assert.equal(clients.filter(({ body }) => body.endsWith('y')).length, 1);
});

test('a client that leaves costs nothing of the rate', async (t) => {
  const made = shaped(t, { messageRate: 40 });
  const clients = streams(made, 4);
  await made.publish(streamItem('a', 'x'));
  clients[1]?.leave();
  clients[2]?.leave();
  await batch(made);
  assert.equal(clients[3]?.body, 'x');
});

test('a drain lets all that waits go out, and then ends the streams', async (t) => {
  const made = shaped(t, { messageRate: 40 });
  const clients = streams(made, 1_000);
  await made.publish(streamItem('a', 'x'));
  made.hub.drain();
  for (let i = 0; i < 20; i++) await turn();
  assert.equal(reached(clients), 1_000);
  made.assertEmpty();
});

test('publishers wait while more than 64 MB wait for the rate', async (t) => {
  const made = shaped(t, { messageRate: 1 });
  const [client] = streams(made, 2);
  const content = 'x'.repeat(1_048_576);
  client?.grant(2 * MAX_SHAPED_BYTES);
  let published = 0;
  const onTurn = (): boolean => {
    published++;
    made.hub.publish([streamItem('a', content)]);
    return true;
  };
  const onFault = (thrown: unknown): void => assert.fail(thrown as Error);
  for (let i = 0; i < 100; i++) made.hub.requestTurn({ bytes: content.length, onTurn, onFault });
  for (let i = 0; i < 300; i++) await turn();
  assert.ok(published >= 64 && published < 80, `${published} MB were taken`);
  assert.equal(made.hub.queues.publishers, 100 - published);
});

test('without a rate nothing waits, and a rate that is removed lets go what does', async (t) => {
  const limits = { messageRate: 40 };
  const made = rig(t, { limits });
  const clients = streams(made, 10);
  await made.publish(streamItem('a', 'x'));
  assert.equal(reached(clients), 1);
  made.limits.current = { ...made.limits.current, messageRate: 0 };
  await batch(made);
  assert.equal(reached(clients), 10);
  await made.publish(streamItem('a', 'y'));
  assert.ok(clients.every(({ body }) => body === 'xy'));
});

test('a WebSocket that takes all by the end of the turn loses nothing at a rate that lets pass more than its credit in one turn', async (t) => {
  const made = shaped(t, { messageRate: 100_000, queueItems: 10 });
  const requester = new FakeWebSocketRequester(65_536);
  requester.onResponse({ status: 101, reason: '', headers: [], bodyLength: 0 });
  const hold = made.hub.holdWebSocket({ id: '1-1', requester, credits: 65_536, owner: IDLE_OWNER });
  hold.subscribe('a');
  takeAllEachTurn(requester, hold);
  const contents = Array.from({ length: 5_000 }, (_, i) => `${i}`);
  await made.publish(...contents.map((content) => messageItem('a', content)));
  while (made.hub.queues.undelivered > 0) await turn();
  assert.equal(requester.events.length, 2_500);
  await batch(made);
  while (requester.events.length + made.counters.itemsDropped < contents.length) await turn();
  assert.equal(made.counters.itemsDropped, 0);
  assert.deepEqual(
    requester.events,
    contents.map((content) => `text ${content}`),
  );
});
