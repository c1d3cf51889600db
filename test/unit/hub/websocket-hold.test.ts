import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { ExchangeError } from '../../../src/exchange/index.ts';
import { ChannelRules, type WebSocketHold, type WebSocketOwner } from '../../../src/hub/index.ts';
import { MAX_EMPTY, MAX_RELAYED } from '../../../src/hub/websocket-outlet.ts';
import { FakeWebSocketRequester } from '../../support/exchange/fake-websocket-requester.ts';
import { type HubRig, messageItem, rig, takeAllEachTurn, turn } from './support.ts';

/** A client that accepts so many bytes, its hold, and what its owner was told. */
class Site implements WebSocketOwner {
  readonly made: HubRig;
  readonly requester: FakeWebSocketRequester;
  readonly hold: WebSocketHold;
  replied = 0;
  readonly failures: string[] = [];
  ownPassed = 0;

  constructor(made: HubRig, credits: number, user: string | null = null) {
    this.made = made;
    this.requester = new FakeWebSocketRequester(credits);
    this.requester.onResponse({ status: 101, reason: '', headers: [], bodyLength: 0 });
    this.hold = made.hub.holdWebSocket({ id: '1-1', requester: this.requester, credits, owner: this, user });
  }

  /** The client takes so many bytes more. */
  credit(bytes: number): void {
    this.requester.credits += bytes;
    this.hold.credit(bytes);
  }

  onRelayed(): void {}

  onReplied(bytes: number): void {
    this.replied += bytes;
  }

  onOwnPassed(): void {
    this.ownPassed++;
  }

  onPublishedClose(): void {}

  onRefresh(): void {}

  onHoldFailed(error: ExchangeError): void {
    this.failures.push(error.code);
  }
}

function site(t: TestContext, credits: number, limits = {}): Site {
  return new Site(rig(t, { limits }), credits);
}

/** Resolves once all that was accepted has been delivered. */
async function delivered({ hub }: HubRig): Promise<void> {
  while (hub.queues.undelivered > 0) await turn();
}

function text(content: string): { type: 'text'; content: Buffer } {
  return { type: 'text', content: Buffer.from(content) };
}

test('a client gets credit for a message once the reply has left', (t) => {
  const one = site(t, 3);
  one.hold.reply(text('one'), 2);
  assert.equal(one.replied, 2);
  one.hold.reply(text('two'), 2);
  assert.equal(one.replied, 2);
  one.credit(2);
  assert.equal(one.replied, 2);
  one.credit(1);
  assert.equal(one.replied, 4);
  assert.deepEqual(one.requester.events, ['text one', 'text two']);
  one.hold.end();
  one.hold.reply(text('late'), 5);
  assert.equal(one.replied, 9);
  assert.equal(one.made.hub.queues.backlogs, 0);
});

test('replies that the queue of a client has no room for are dropped, and counted', (t) => {
  const one = site(t, 0, { queueItems: 10, queueBytes: 50 });
  for (let i = 0; i < 100; i++) one.hold.reply(text('123456789'), 1);
  assert.equal(one.made.counters.itemsDropped, 95);
  assert.equal(one.replied, 95);
  assert.ok(one.made.hub.queues.backlogs > 0);
  one.hold.end();
  assert.equal(one.made.hub.queues.backlogs, 0);
  const empty = site(t, 0, { queueItems: 10 });
  empty.hold.reply(text('x'), 0);
  for (let i = 0; i < 100; i++) empty.hold.reply(text(''), 0);
  assert.equal(empty.made.counters.itemsDropped, 91);
});

test('of the pings of a client that takes nothing the newest one has a pong', (t) => {
  const one = site(t, 0);
  for (let i = 0; i < 1_000; i++) one.hold.pong(Buffer.from(`ping ${i}`), 8);
  assert.equal(one.replied, 0);
  one.credit(100);
  assert.deepEqual(one.requester.events, ['pong ping 999']);
  assert.equal(one.replied, 8_000);
  one.hold.pong(Buffer.from('next'), 4);
  assert.deepEqual(one.requester.events, ['pong ping 999', 'pong next']);
});

test('the owner is told when no message waits that its origin had sent later', (t) => {
  const one = site(t, 4);
  one.hold.sendOwn(text('abc'));
  assert.deepEqual([one.hold.ownWaits, one.ownPassed], [false, 1]);
  one.hold.sendOwn(text('def'));
  one.hold.sendOwn(text('ghi'));
  assert.deepEqual([one.hold.ownWaits, one.ownPassed], [true, 1]);
  one.credit(4);
  assert.equal(one.hold.ownWaits, true);
  one.credit(1);
  assert.deepEqual([one.hold.ownWaits, one.ownPassed], [false, 2]);
});

test('messages that are published one after the other come together to a client that is up to date', async (t) => {
  const one = site(t, 100);
  one.hold.subscribe('c');
  await one.made.publish(messageItem('c', 'a'), messageItem('c', 'b', { type: 'binary' }), messageItem('c', 'd'));
  assert.deepEqual([one.requester.events, one.requester.joined], [['text a', 'binary b', 'text d'], [3]]);
  assert.deepEqual([one.made.counters.itemsDelivered, one.requester.credits], [3, 97]);
  await one.made.publish(messageItem('c', 'e'));
  assert.deepEqual([one.requester.events.at(-1), one.requester.joined], ['text e', [3]]);
});

test('a client whose credits do not cover all gets what they cover, and the rest in order as it grants more', async (t) => {
  const one = site(t, 3);
  one.hold.subscribe('c');
  await one.made.publish(messageItem('c', 'ab'), messageItem('c', 'cd'), messageItem('c', 'ef'));
  assert.deepEqual([one.requester.joined, one.requester.pieces], [[], [2, 1]]);
  await one.made.publish(messageItem('c', 'gh'), messageItem('c', 'ij'));
  one.credit(100);
  assert.deepEqual(one.requester.events, ['text ab', 'text cd', 'text ef', 'text gh', 'text ij']);
  assert.equal(one.made.counters.itemsDelivered, 5);
  await one.made.publish(messageItem('c', 'k'), messageItem('c', 'l'));
  assert.deepEqual(one.requester.joined, [2]);
});

test('a client that takes nothing has at most 256 messages on their way, and loses one by one what its queue has no room for', async (t) => {
  const one = site(t, 100_000, { queueItems: 10 });
  one.hold.subscribe('c');
  const some = (count: number) => Array.from({ length: count }, () => messageItem('c', 'x'));
  await one.made.publish(...some(200));
  await one.made.publish(...some(100));
  await delivered(one.made);
  assert.deepEqual([one.requester.joined, one.requester.events.length], [[200], 256]);
  assert.equal(one.made.counters.itemsDropped, 300 - 256 - 10);
  one.credit(1);
  assert.equal(one.requester.events.length, 266);
  await one.made.publish(...some(300));
  await delivered(one.made);
  assert.deepEqual([one.requester.joined, one.requester.events.length], [[200], 512]);
});

test('messages that come together wait for the end of a message of the origin', async (t) => {
  const one = site(t, 100);
  one.hold.subscribe('c');
  one.hold.relay(Buffer.from('o1'), true, true);
  await one.made.publish(messageItem('c', 'a'), messageItem('c', 'b'));
  assert.deepEqual(one.requester.events, []);
  one.hold.relay(Buffer.from('o2'), true, false);
  assert.deepEqual([one.requester.events, one.requester.joined], [['text o1o2', 'text a', 'text b'], []]);
});

test('pings, closes and messages of other channels keep their place among messages', async (t) => {
  const one = site(t, 100);
  one.hold.subscribe('c');
  one.hold.subscribe('d');
  await one.made.publish(
    ...['1', '2'].map((content) => messageItem('c', content)),
    messageItem('c', 'p', { type: 'ping' }),
    ...['3', '4'].map((content) => messageItem('c', content)),
    messageItem('d', '5'),
    ...['6', '7'].map((content) => messageItem('c', content)),
    messageItem('d', '', { action: 'close' }),
    messageItem('c', 'late'),
  );
  const messages = ['text 1', 'text 2', 'ping p', 'text 3', 'text 4', 'text 5', 'text 6', 'text 7', 'close 1000'];
  assert.deepEqual([one.requester.events, one.requester.joined], [messages, [2, 2, 2]]);
});

test('of messages that come together a client gets those that its filters let pass, and one without filters the plain ones', async (t) => {
  const made = rig(t);
  const filtered = new Site(made, 100);
  const other = new Site(made, 100);
  filtered.hold.subscribe('c', ['skip-self']);
  filtered.hold.setMeta('user', 'me');
  other.hold.subscribe('c');
  const mine = { ...messageItem('c', 'mine'), meta: { sender: 'me' } };
  await made.publish(mine, messageItem('c', 'a'), messageItem('c', 'f', { contentFilters: ['build-id'] }));
  assert.deepEqual([filtered.requester.events, filtered.requester.joined], [['text a'], []]);
  assert.deepEqual([other.requester.events, other.requester.joined], [['text mine', 'text a'], [2]]);
});

test('a session notes the id of each message that has come together with others', async (t) => {
  const one = site(t, 100);
  const noted: string[] = [];
  one.hold.session = { onItem: (channel, id) => noted.push(`${channel} ${id}`) };
  one.hold.subscribe('c');
  const items = ['1', '2', '3'].map((id) => ({ ...messageItem('c', id), id, noSeq: true }));
  await one.made.publish(...items.slice(0, 2), messageItem('c', 'x'), ...items.slice(2));
  assert.deepEqual([noted, one.requester.joined], [['c 1', 'c 2', 'c 3'], [4]]);
});

test('a client is cut off when too much of its origin waits that has no bytes, and so costs no credit', (t) => {
  const one = site(t, 0);
  one.hold.relay(Buffer.from('x'), true, false);
  for (let i = 0; i < MAX_EMPTY; i += 2) {
    one.hold.relay(Buffer.alloc(0), true, i % 4 === 0);
    one.hold.relayControl('ping', Buffer.alloc(0));
  }
  assert.deepEqual(one.failures, []);
  one.hold.relayControl('pong', Buffer.alloc(0));
  assert.deepEqual(one.failures, ['HF_CLIENT_STALLED']);
  assert.equal(one.made.counters.clientsStalled, 1);
  assert.deepEqual(one.made.log.of('client cut off').length, 1);
  one.made.assertEmpty();
  const other = site(t, 1);
  other.hold.relay(Buffer.from('x'), true, false);
  for (let i = 0; i < 3 * MAX_EMPTY; i++) other.hold.relay(Buffer.alloc(0), true, false);
  assert.deepEqual(other.failures, [], 'what passes does not count');
});

test('a session hears of no message that the queue of a slow client had no room for', async (t) => {
  const one = site(t, 1, { queueItems: 1 });
  const noted: string[] = [];
  one.hold.session = { onItem: (_, id) => noted.push(id) };
  one.hold.subscribe('a');
  for (const id of ['1', '2', '3']) await one.made.publish({ ...messageItem('a', id), id });
  assert.deepEqual([noted, one.made.counters.itemsDropped], [['1', '2'], 1]);
});

test('of all WebSockets those end for which the most of their origins waits, until a quarter is free', async (t) => {
  const made = rig(t);
  const sites = [0.5, 0.3, 0.1].map((part) => {
    const one = new Site(made, 0);
    one.requester.onResponseMessage = () => {};
    one.hold.relay(Buffer.alloc(MAX_RELAYED * part), false, false);
    return one;
  });
  const [most, less, least] = sites.map(({ failures }) => failures);
  await turn();
  assert.deepEqual([most, less, least], [[], [], []]);
  sites[1]?.hold.relay(Buffer.alloc(MAX_RELAYED * 0.15), false, false);
  await turn();
  assert.deepEqual([most, less, least], [['HF_CLIENT_STALLED'], [], []]);
  // What has passed, or ended with its WebSocket, does not count any more.
  sites[1]?.credit(MAX_RELAYED);
  sites[2]?.hold.end();
  new Site(made, 0).hold.relay(Buffer.alloc(MAX_RELAYED * 0.95), false, false);
  await turn();
  assert.deepEqual([less, least], [[], []]);
});

test('what waits for a client keeps no more of the memory than its own bytes', (t) => {
  const one = site(t, 0);
  const large = Buffer.alloc(1_000_000, 'x');
  one.hold.relay(large.subarray(0, 10_000), false, false);
  one.requester.onResponseMessage = (chunk) => assert.ok(chunk.buffer.byteLength < 20_000);
  one.credit(10_000);
  assert.equal(one.hold.idle, true);
});

for (const [count, bytes] of [
  [1_300, 5],
  [300, 2_000],
  [6, 60_000],
] as const) {
  test(`a client that takes all by the end of the turn loses none of ${count} messages of ${bytes} bytes`, async (t) => {
    const one = site(t, 65_536);
    one.hold.subscribe('c');
    takeAllEachTurn(one.requester, one.hold);
    for (let left: number = count; left > 0; left -= 500) {
      const items = Array.from({ length: Math.min(500, left) }, () => messageItem('c', 'x'.repeat(bytes)));
      await one.made.publish(...items);
    }
    await delivered(one.made);
    await turn();
    assert.deepEqual([one.requester.events.length, one.made.counters.itemsDropped], [count, 0]);
  });
}

test('what waits for a client that takes all it is sent is bounded by bytes alone, each item beyond queue_items costing 64 more', async (t) => {
  const one = site(t, 100, { queueItems: 10, queueBytes: 1_024 });
  const { hold, requester, made } = one;
  hold.subscribe('c');
  requester.keepsUp = true;
  const some = (count: number) => Array.from({ length: count }, () => messageItem('c', '0123456789'));
  await made.publish(...some(10));
  await made.publish(...some(25));
  await delivered(made);
  // 10 for its credits, 10 as for any client, and then (1,024 - 100) / 74.
  assert.deepEqual([requester.events.length, made.counters.itemsDropped], [10, 35 - 10 - 10 - 12]);
  requester.keepsUp = false;
  one.credit(100);
  assert.equal(requester.events.length, 20);
  await made.publish(...some(1));
  assert.equal(made.counters.itemsDropped, 4);
  one.credit(1_000);
  assert.equal(requester.events.length, 32);
  await made.publish(...some(1));
  assert.equal(requester.events.length, 33);
});

test('the origin says whose client a WebSocket is, else the token, and it moves on all its channels', (t) => {
  const made = rig(t);
  const rule = { match: '>', keep: null, retain: false, onGap: 'event', presence: true } as const;
  made.hub.history.rules = new ChannelRules([rule]);
  const one = new Site(made, 100, 'claimed');
  one.hold.subscribe('a');
  one.hold.subscribe('b');
  const users = (): string[] => [...made.hub.counts.entries()].map((entry) => entry.join(' ')).sort();
  assert.deepEqual(users(), ['a claimed', 'b claimed']);
  assert.ok(one.hold.setMeta('user', 'ann'));
  assert.deepEqual(users(), ['a ann', 'b ann']);
  one.hold.part('a');
  assert.deepEqual(users(), ['b ann']);
  assert.ok(one.hold.setMeta('user', 'x'.repeat(300)));
  assert.deepEqual(users(), ['b '], 'too long: of no user');
  assert.ok(one.hold.setMeta('user', null));
  assert.deepEqual(users(), ['b claimed']);
  one.hold.end();
  assert.deepEqual(users(), []);
});

test('a filter that comes after the metadata user knows it', async (t) => {
  const one = site(t, 100);
  one.hold.setMeta('user', 'me');
  one.hold.subscribe('c', ['skip-self']);
  await one.made.publish({ ...messageItem('c', 'mine'), meta: { sender: 'me' } }, messageItem('c', 'other'));
  assert.deepEqual(one.requester.events, ['text other']);
});
