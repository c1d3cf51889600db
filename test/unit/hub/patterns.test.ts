import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { ChannelRef, Hold, PublishItem } from '../../../src/codec/grip/index.ts';
import { SLICE_WORK } from '../../../src/hub/delivery.ts';
import type { ChannelInfo, WebSocketHold, WebSocketOwner } from '../../../src/hub/index.ts';
import { patternKey } from '../../../src/hub/index.ts';
import { FakeWebSocketRequester } from '../../support/exchange/fake-websocket-requester.ts';
import type { HeldClient } from '../../support/exchange/held-client.ts';
import {
  type HubRig,
  item,
  messageFormat,
  messageItem,
  replayBy,
  responseFormat,
  responseInstruct,
  responseItem,
  rig,
  streamAction,
  streamFormat,
  streamInstruct,
  streamItem,
  turn,
} from './support.ts';

/** A pattern, or a channel where it begins with `=`. */
function refOf(text: string, filters: readonly string[] = []): ChannelRef {
  return text.startsWith('=')
    ? { name: text.slice(1), prevId: null, filters }
    : { name: text, prevId: null, filters, pattern: true };
}

function instructFor(mode: Hold['mode'], refs: readonly ChannelRef[], meta: Hold['meta'] = {}) {
  const instruct = mode === 'stream' ? streamInstruct([]) : responseInstruct([]);
  return { ...instruct, hold: { ...(instruct.hold as Hold), channels: refs, meta } };
}

function stream(made: HubRig, ...subscriptions: string[]): HeldClient {
  return made.hold(
    made.client(),
    instructFor(
      'stream',
      subscriptions.map((text) => refOf(text)),
    ),
  );
}

function poll(made: HubRig, ...subscriptions: string[]): HeldClient {
  return made.hold(
    made.client(),
    instructFor(
      'response',
      subscriptions.map((text) => refOf(text)),
    ),
  );
}

const OWNER: WebSocketOwner = {
  onRelayed: () => {},
  onReplied: () => {},
  onOwnPassed: () => {},
  onPublishedClose: () => {},
  onRefresh: () => {},
  onHoldFailed: (error) => assert.fail(error),
};

function webSocket(made: HubRig, credits = 65_536): { hold: WebSocketHold; requester: FakeWebSocketRequester } {
  const requester = new FakeWebSocketRequester(credits);
  requester.onResponse({ status: 101, reason: '', headers: [], bodyLength: 0 });
  return { hold: made.hub.holdWebSocket({ id: '1-1', requester, credits, owner: OWNER }), requester };
}

/** Resolves once all that was accepted has been delivered. */
async function delivered({ hub }: HubRig): Promise<void> {
  while (hub.queues.undelivered > 0) await turn();
}

function countOf(made: HubRig, published: PublishItem): number {
  let counts: readonly number[] = [];
  made.hub.countReceivers([published], (found) => {
    counts = found;
  });
  return counts[0] ?? -1;
}

test('streams, held requests and WebSockets get what is published to the channels that their patterns match', async (t) => {
  const made = rig(t);
  const [one, all, polled] = [stream(made, 'orders.*'), stream(made, 'orders.>'), poll(made, 'orders.*.paid')];
  const { hold, requester } = webSocket(made);
  hold.subscribe(patternKey('*.eu'));
  await made.publish(
    ...['orders.eu', 'orders.eu.paid', 'orders', 'order.eu'].map((channel) =>
      item(channel, {
        httpStream: streamFormat(`${channel},`),
        httpResponse: responseFormat({ body: Buffer.from(channel) }),
        wsMessage: messageFormat(channel),
      }),
    ),
  );
  assert.equal(one.body, 'orders.eu,');
  assert.equal(all.body, 'orders.eu,orders.eu.paid,');
  assert.equal(polled.body, 'orders.eu.paid');
  assert.deepEqual(requester.events, ['text orders.eu', 'text order.eu']);
});

test('a name with wildcards stays literal where the subscription does not say that it is a pattern', async (t) => {
  const made = rig(t);
  const [literal, pattern] = [stream(made, '=orders.*'), stream(made, 'orders.*')];
  await made.publish(streamItem('orders.eu', 'eu,'), streamItem('orders.*', 'star,'));
  assert.deepEqual([literal.body, pattern.body], ['star,', 'eu,star,']);
  const { channels } = await made.hub.channelPage({ prefix: 'orders', after: '', limit: 10 });
  assert.deepEqual(channels, [
    { name: 'orders.*', pattern: true, subscribers: 1, lastId: null },
    { name: 'orders.*', subscribers: 1, lastId: null },
  ]);
});

test('no publisher reaches the clients of a pattern by the key that it has inside', async (t) => {
  const made = rig(t);
  const client = stream(made, 'orders.*');
  await made.publish(streamItem(patternKey('orders.*'), 'x'));
  assert.equal(client.body, '');
});

test('names that begin with $ match no pattern, and their subscribers get their items', async (t) => {
  const made = rig(t);
  const [literal, pattern] = [stream(made, '=$sys.a'), stream(made, '>', '*.a')];
  await made.publish(streamItem('$sys.a', 'x'));
  assert.deepEqual([literal.body, pattern.body], ['x', '']);
});

test('a client that gets an item by its channel and by patterns gets it once', async (t) => {
  const made = rig(t);
  const clients = [
    stream(made, '=orders.eu', 'orders.*', '>'),
    stream(made, 'orders.>', '*.eu', '=other'),
    stream(made, '=orders.eu'),
    stream(made, '>'),
  ];
  const { hold, requester } = webSocket(made);
  for (const key of ['orders.eu', patternKey('orders.*'), patternKey('>')]) hold.subscribe(key);
  const published = item('orders.eu', { httpStream: streamFormat('x'), wsMessage: messageFormat('x') });
  assert.equal(countOf(made, published), 5);
  await made.publish(published, streamItem('orders.us', 'y'));
  assert.deepEqual(
    clients.map(({ body }) => body),
    ['xy', 'xy', 'x', 'xy'],
  );
  assert.deepEqual(requester.events, ['text x']);
  assert.equal(made.counters.itemsDelivered, 8);
});

test('a held request that an item of its pattern answers has left all its channels', async (t) => {
  const made = rig(t, { limits: { subscriptionLinger: 0 } });
  const client = poll(made, '=a.b', 'a.*', 'a.>');
  await made.publish(responseItem('a.b', 'first'), responseItem('a.c', 'second'));
  assert.equal(client.body, 'first');
  made.assertEmpty();
});

test('a client that leaves while a walk is on gets nothing more, and one that comes gets what comes later', async (t) => {
  const made = rig(t);
  const many = Array.from({ length: SLICE_WORK }, () => stream(made, '=a.b'));
  const leaving = stream(made, '=a.b', 'a.*');
  const last = stream(made, 'a.*');
  const moving = stream(made, '=a.b', 'a.>');
  await made.publish(streamItem('a.b', 'x'));
  assert.ok(many.every(({ body }) => body === 'x'));
  assert.equal(leaving.body, '', 'the slice is over');
  leaving.responder?.onRequestError(new Error('left') as never);
  const late = stream(made, 'a.*');
  await delivered(made);
  assert.deepEqual([leaving.body, last.body, moving.body, late.body], ['', 'x', 'x', '']);
  await made.publish(streamItem('a.b', 'y'));
  await delivered(made);
  assert.deepEqual([last.body, moving.body, late.body], ['xy', 'xy', 'y']);
});

test('a subscription that ends between two walks of an item changes nothing for the others', async (t) => {
  const made = rig(t);
  const { hold, requester } = webSocket(made);
  for (const key of ['a.b', patternKey('a.*'), patternKey('a.>')]) hold.subscribe(key);
  requester.onCall = () => {
    hold.part('a.b');
    hold.subscribe(patternKey('>'));
  };
  await made.publish(messageItem('a.b', 'x'));
  assert.deepEqual(requester.events, ['text x']);
  hold.part(patternKey('a.*'));
  hold.part(patternKey('a.>'));
  await made.publish(messageItem('a.b', 'y'));
  hold.part(patternKey('>'));
  await made.publish(messageItem('a.b', 'z'));
  assert.deepEqual(requester.events, ['text x', 'text y']);
});

test('a client that stays after it was to move gets an item once, though a walk was on', async (t) => {
  const made = rig(t);
  const client = stream(made, '=a.b', 'a.*');
  for (let i = 0; i < SLICE_WORK; i++) stream(made, '=a.b');
  await made.publish(streamItem('a.b', 'x'));
  assert.equal(client.body, 'x');
  const held = [...made.hub.clients()][0] as unknown as { suspend(): { resume(): void } };
  const suspended = held.suspend();
  await delivered(made);
  suspended.resume();
  await made.publish(streamItem('a.b', 'y'));
  await delivered(made);
  assert.equal(client.body, 'xy');
});

test('a client that was given an item as it was to move, and stays, does not get it by a later walk', async (t) => {
  const made = rig(t);
  for (let i = 0; i < SLICE_WORK; i++) stream(made, '=a.b');
  const others = Array.from({ length: 2 * SLICE_WORK }, () => stream(made, 'a.*'));
  const client = stream(made, '=a.b', 'a.*');
  await made.publish(streamItem('a.b', 'x'));
  const held = [...made.hub.clients()].at(-1) as unknown as { suspend(): { resume(): void } };
  const suspended = held.suspend();
  await turn();
  suspended.resume();
  await delivered(made);
  assert.equal(client.body, 'x');
  assert.ok(others.every(({ body }) => body === 'x'));
});

test('patterns count as channels towards what one client may have', async (t) => {
  const made = rig(t, { limits: { connectionSubscriptionMax: 2 } });
  const client = stream(made, 'a.*', '=b', 'c.>');
  await made.publish(streamItem('a.x', 'a'), streamItem('b', 'b'), streamItem('c.x', 'c'));
  assert.equal(client.body, 'ab');
  assert.equal(made.counters.subscriptionsDropped, 1);
  const { hold } = webSocket(made);
  assert.deepEqual(
    ['a.x', patternKey('a.*'), patternKey('b.*'), patternKey('a.*')].map((key) => hold.subscribe(key)),
    [true, true, false, true],
  );
});

test('the filters are those of the channel, or else of the most exact pattern that matches', async (t) => {
  const made = rig(t);
  const refs = [refOf('a.*', ['skip-self']), refOf('=a.open'), refOf('a.b.*'), refOf('a.>', ['skip-self'])];
  const client = made.hold(made.client(), instructFor('stream', refs, { user: 'me' }));
  const { hold, requester } = webSocket(made);
  hold.subscribe('a.open');
  hold.subscribe(patternKey('a.*'), ['skip-self']);
  hold.setMeta('user', 'me');
  const mine = (channel: string): PublishItem => ({
    ...item(channel, { httpStream: streamFormat(`${channel},`), wsMessage: messageFormat(channel) }),
    meta: { sender: 'me' },
  });
  await made.publish(mine('a.x'), mine('a.open'), mine('a.b.c'), mine('a.c.c'), streamItem('a.x', 'other,'));
  assert.equal(client.body, 'a.open,a.b.c,other,');
  assert.deepEqual(requester.events, ['text a.open']);
  hold.part('a.open');
  await made.publish(mine('a.open'));
  assert.deepEqual(requester.events, ['text a.open']);
});

test('a client is subscribed to what its pattern matches, as far as require-sub asks', async (t) => {
  const made = rig(t);
  const client = made.hold(made.client(), instructFor('stream', [refOf('a.*', ['require-sub'])]));
  const asking = (content: string, channel: string) => ({
    ...streamItem('a.x', content),
    meta: { require_sub: channel },
  });
  await made.publish(asking('1', 'a.y'), asking('2', 'b.y'), asking('3', 'a'));
  assert.equal(client.body, '1');
});

test('hints and closes reach the clients of patterns, and a recovery too', async (t) => {
  const made = rig(t);
  let replays = 0;
  const replay = replayBy(() => replays++);
  made.hold(made.client(), instructFor('response', [refOf('a.*')]), { replay });
  const client = stream(made, 'a.*');
  await made.publish(item('a.x', { httpResponse: responseFormat({ action: 'hint' }) }));
  assert.equal(replays, 1);
  await made.publish(streamAction('a.x', 'close'));
  assert.ok(client.ended);
  made.hold(made.client(), instructFor('response', [refOf('b.*')]), { replay });
  made.hub.recover();
  await turn();
  assert.equal(replays, 2);
});

test('the clients of a pattern are updated a second after its first subscription, and no others', async (t) => {
  const made = rig(t, { limits: { updateOnFirstSubscription: true } });
  const replayed: string[] = [];
  const hold = (pattern: string) =>
    made.hold(made.client(), instructFor('response', [refOf(pattern)]), {
      replay: replayBy(() => replayed.push(pattern)),
    });
  hold('a.*');
  made.advance(500);
  hold('a.>');
  made.advance(600);
  await turn();
  assert.deepEqual(replayed, ['a.*']);
  made.advance(500);
  await turn();
  assert.deepEqual(replayed, ['a.*', 'a.>']);
});

test('an item waits for the rate of its route as long as the client gets it by one of its subscriptions', async (t) => {
  const made = rig(t, { limits: { messageRate: 1, messageHwm: 100 } });
  const { hold, requester } = webSocket(made);
  hold.subscribe('a.b');
  hold.subscribe(patternKey('a.*'));
  await made.publish(messageItem('a.b', '1'));
  await made.publish(messageItem('a.b', '2'));
  await made.publish(messageItem('a.b', '3'));
  assert.deepEqual(requester.events, ['text 1']);
  hold.part('a.b');
  made.advance(1_000);
  await turn();
  assert.deepEqual(requester.events, ['text 1', 'text 2']);
  hold.part(patternKey('a.*'));
  made.advance(1_000);
  await turn();
  assert.deepEqual(requester.events, ['text 1', 'text 2']);
});

test('a tap on a pattern passes the items of all channels that it matches', async (t) => {
  const made = rig(t);
  stream(made, '=a.x', 'a.*');
  const tapped: string[] = [];
  const end = made.hub.tap(patternKey('a.*'), ({ channel }, receivers) => tapped.push(`${channel} ${receivers}`));
  made.hub.tap('a.*', ({ channel }) => tapped.push(`literal ${channel}`));
  await made.publish(streamItem('a.x', 'x'), streamItem('b', 'x'), streamItem('a.*', 'x'));
  assert.deepEqual(tapped, ['a.x 1', 'literal a.*', 'a.* 1']);
  end();
  await made.publish(streamItem('a.x', 'x'));
  assert.equal(tapped.length, 3);
});

test('patterns come first in the list of channels, and pages follow one another', async (t) => {
  const made = rig(t);
  stream(made, 'b.*', '=a', '=b.*', 'a.>', '=c', 'b.*');
  const seen: ChannelInfo[] = [];
  let after = '';
  for (;;) {
    const { channels, total, next } = await made.hub.channelPage({ prefix: '', after, limit: 1 });
    assert.equal(total, 5);
    seen.push(...channels);
    if (next === null) break;
    after = next;
  }
  assert.deepEqual(
    seen.map(({ name, pattern = false }) => `${name}${pattern ? ' pattern' : ''}`),
    ['a.> pattern', 'b.* pattern', 'a', 'b.*', 'c'],
  );
  const infos = await new Promise((resolve) => made.hub.channelInfos([patternKey('b.*'), 'b', 'c'], resolve));
  assert.deepEqual(infos, [
    { name: 'b.*', pattern: true, subscribers: 1, lastId: null },
    { name: 'c', subscribers: 1, lastId: null },
  ]);
});

test('watchers hear of patterns by their keys, and a pattern of held requests is remembered for a while', async (t: TestContext) => {
  const made = rig(t);
  const heard: string[] = [];
  made.hub.watchChannels({
    channelAdded: (key) => heard.push(`+${key}`),
    channelRemoved: (key) => heard.push(`-${key}`),
  });
  poll(made, 'a.*');
  const key = patternKey('a.*');
  await made.publish(responseItem('a.x', 'x'));
  assert.deepEqual(heard, [`+${key}`]);
  made.advance(61_000);
  assert.deepEqual(heard, [`+${key}`, `-${key}`]);
  made.assertEmpty();
});
