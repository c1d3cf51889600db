import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type PublishItem, parsePublishItem } from '../../../src/codec/grip/index.ts';
import { FakeWebSocketRequester } from '../../support/exchange/fake-websocket-requester.ts';
import type { HeldClient } from '../../support/exchange/held-client.ts';
import { type HubRig, responseInstruct, rig, streamInstruct, turn } from './support.ts';

/** A hub, and what moves the time of day. */
function start(t: TestContext, limits = {}): { made: HubRig; pass: (ms: number) => void } {
  let now = 1_000_000;
  t.mock.method(Date, 'now', () => now);
  const made = rig(t, { limits });
  return {
    made,
    pass: (ms) => {
      now += ms;
    },
  };
}

/** The client takes so many bytes more. */
function grant(client: HeldClient, bytes: number): void {
  client.credits += bytes;
  client.responder?.onResponseCredit(bytes);
}

function itemOf(content: string, extras: object = {}): PublishItem {
  const formats = { 'http-stream': { content }, 'http-response': { body: content }, 'ws-message': { content } };
  return parsePublishItem({ channel: 'c', formats, ...extras });
}

test('an item that waits longer than its ttl for a slow stream is dropped, and those around it are not', async (t) => {
  const { made, pass } = start(t);
  const client = made.hold(made.client(2), streamInstruct(['c']));
  await made.publish(
    itemOf('11', { ttl: 1 }),
    itemOf('22', { ttl: 1 }),
    itemOf('33'),
    itemOf('44', { ttl: 10 }),
    itemOf('55'),
  );
  pass(999);
  grant(client, 1);
  pass(2);
  grant(client, 100);
  assert.equal(client.body, '1122334455', 'an item whose first byte was in time is sent whole');
  await made.publish(itemOf('x'.repeat(200)), itemOf('66', { ttl: 1 }), itemOf('77'));
  pass(1_001);
  grant(client, 1_000);
  assert.ok(client.body.endsWith('xx77'));
  assert.equal(made.counters.itemsExpired, 1);
  assert.equal(made.hub.queues.backlogs, 0);
});

test('the last item may expire before the stream ends', async (t) => {
  const { made, pass } = start(t);
  const client = made.hold(made.client(1), streamInstruct(['c']));
  await made.publish(itemOf('11'), itemOf('22', { ttl: 1 }));
  made.hub.drain();
  await turn();
  pass(1_001);
  grant(client, 1);
  assert.equal(client.body, '11');
  assert.equal(client.complete, true);
});

test('an item that waits longer than its ttl for a slow WebSocket is dropped', async (t) => {
  const { made, pass } = start(t);
  const requester = new FakeWebSocketRequester(0);
  requester.onResponse({ status: 101, reason: '', headers: [], bodyLength: 0 });
  const owner = {
    onRelayed() {},
    onReplied() {},
    onOwnPassed() {},
    onPublishedClose() {},
    onRefresh() {},
    onHoldFailed: assert.fail,
  };
  const hold = made.hub.holdWebSocket({ id: '1-1', requester, credits: 0, owner });
  hold.subscribe('c');
  await made.publish(itemOf('1', { ttl: 1 }), itemOf('2'), itemOf('3', { ttl: 5 }), itemOf('4', { ttl: 1 }));
  pass(1_001);
  requester.credits += 100;
  hold.credit(100);
  assert.deepEqual(requester.events, ['text 2', 'text 3']);
  assert.equal(made.counters.itemsExpired, 2);
  assert.equal(made.hub.queues.backlogs, 0);
});

test('an item whose turn comes too late reaches nobody', async (t) => {
  const { made, pass } = start(t);
  const stream = made.hold(made.client(), streamInstruct(['c']));
  const poll = made.hold(made.client(), responseInstruct(['c']));
  made.hub.publish([itemOf('1', { ttl: 1 })]);
  pass(1_000);
  await turn();
  assert.equal(stream.body, '');
  assert.equal(poll.complete, false);
  assert.equal(made.counters.itemsExpired, 3, 'once for each format');
  await made.publish(itemOf('2', { ttl: 1 }));
  assert.equal(stream.body, '2');
  assert.equal(poll.body, '2');
});

test('an item that waits for the rate of its route longer than its ttl is dropped', async (t) => {
  const { made, pass } = start(t, { messageRate: 1 });
  const client = made.hold(made.client(), streamInstruct(['c']));
  await made.publish(itemOf('1', { ttl: 1 }), itemOf('2', { ttl: 1 }), itemOf('3'));
  assert.equal(client.body, '1');
  pass(1_001);
  made.advance(5_000);
  await turn();
  assert.equal(client.body, '13');
  assert.equal(made.counters.itemsExpired, 1);
});

test('items with a ttl keep their place among those without', async (t) => {
  const { made } = start(t);
  const client = made.hold(made.client(), streamInstruct(['c']));
  await made.publish(
    itemOf('1'),
    itemOf('2', { ttl: 9 }),
    itemOf('3'),
    itemOf('4'),
    itemOf('5', { ttl: 9 }),
    itemOf('6'),
  );
  assert.equal(client.body, '123456');
});
