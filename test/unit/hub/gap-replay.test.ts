import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { encodeItem } from '../../../src/codec/grip/index.ts';
import { UNKNOWN_LENGTH } from '../../../src/exchange/index.ts';
import type { HistoryStore } from '../../../src/history/index.ts';
import type { HoldOptions } from '../../../src/hub/index.ts';
import { REPLAYS_AT_ONCE } from '../../../src/hub/replay-pacer.ts';
import { MAX_HELD_BYTES } from '../../../src/hub/replayed-hold.ts';
import type { HeldClient } from '../../support/exchange/held-client.ts';
import { both, come, EVENTS, event, fieldsOf, keeping, poll, rule, shown } from './history-rig.ts';
import { type HubRig, ManualLink, responseInstruct, SilentOrigin, streamInstruct, turn } from './support.ts';

/** A hub with a channel `a` that keeps two items, whose gaps are asked of the origin, and that has let items go. */
async function withGap(t: TestContext, more: Parameters<typeof rule>[1] = {}): Promise<Rig> {
  const { hub, store } = keeping(t, [rule('a', { items: 2, onGap: 'replay', ...more }), rule('b', { items: 2 })]);
  await hub.publish(...['1', '2', '3', '4'].map((text) => both('a', text)));
  return { hub, store, origin: new SilentOrigin(), old: `${store.epoch}-1`, known: `${store.epoch}-3` };
}

interface Rig {
  readonly hub: HubRig;
  readonly store: HistoryStore;
  readonly origin: SilentOrigin;
  /** The cursor of a client that has missed too much, and that of one that has not. */
  readonly old: string;
  readonly known: string;
}

const TWO = rule('a', { items: 2 }).keep ?? assert.fail();

function encoded(text: string): Buffer {
  return encodeItem(both('a', text));
}

/** A client with this cursor whose request can be sent again. */
function back({ hub, origin }: Rig, id: string | null, options: Partial<HoldOptions> = {}): HeldClient {
  const client = hub.client();
  if (options.responseStarted)
    client.onResponse({ status: 200, reason: 'OK', headers: [], bodyLength: UNKNOWN_LENGTH });
  const headers = id === null ? [] : ['Last-Event-ID', id];
  const instruct = streamInstruct(['a', 'b'], { ...EVENTS, body: 'first;' });
  return hub.hold(client, instruct, { request: { ...client.request, headers }, replay: origin.replay, ...options });
}

test('the request of a stream that has missed too much is sent again, and it gets the new response', async (t) => {
  const rig = await withGap(t);
  const { hub, store, origin, old } = rig;
  const client = back(rig, old);
  assert.deepEqual([client.head, origin.missed], [null, [['a']]]);
  assert.equal(hub.counters.holdsOpen, 1);
  const former = origin.former(0);
  hub.hold(client, streamInstruct(['a'], { ...EVENTS, body: 'second;' }), { former, credits: former.credits });
  await hub.publish(event('a', '5'));
  assert.equal(shown(store, client), 'second;\nid: E-4\n\ndata: 5\nid: E-5\n\n');
  assert.deepEqual([hub.counters.historyReplays, hub.counters.historyGaps, hub.counters.holdsOpen], [1, 0, 1]);
  hub.hub.recover();
  assert.equal(origin.replays.length, 1, 'a stream is not sent again later');
});

test('only a client with a cursor that cannot be continued has its request sent again', async (t) => {
  const rig = await withGap(t);
  const { hub, store, origin, old, known } = rig;
  assert.match(back(rig, null).body, /^first;/);
  assert.equal(shown(store, back(rig, known)), 'first;\ndata: 4\nid: E-4\n\nid: E-4\n\n');
  // Those that cannot be sent again are told.
  const gap = 'event: gap\ndata: {"channels":["a"]}\n\nid: E-4\n\n';
  assert.equal(shown(store, back(rig, old, { replay: null })), `first;\n${gap}`);
  assert.equal(shown(store, back(rig, old, { responseStarted: true })), `\n${gap}`);
  assert.equal(shown(store, come(hub, ['a'], old)), gap);
  const other = back(rig, old, { instruct: streamInstruct(['b'], { ...EVENTS, body: 'first;' }) });
  assert.match(other.body, /^first;/);
  assert.deepEqual(origin.missed, []);
});

test('where the origin does not respond, the client is held as it said at first, and told', async (t) => {
  const rig = await withGap(t);
  const { hub, store, origin, old } = rig;
  const expected = 'first;\nevent: gap\ndata: {"channels":["a"]}\n\nid: E-4\n\n';
  const silent = back(rig, old);
  hub.advance(29_000);
  assert.equal(silent.body, '');
  hub.advance(2_000);
  assert.equal(shown(store, silent), expected);
  assert.equal(origin.replays[0]?.aborted, true);
  const failing = back(rig, old);
  assert.notEqual(origin.former(1).resume(65_536), null);
  hub.advance(5_000);
  assert.equal(origin.replays.length, 3, 'it is tried again');
  hub.advance(30_000);
  assert.equal(shown(store, failing), expected);
  assert.equal(hub.counters.holdsTimedOut, 0);
});

test('a client that leaves before the response does is forgotten, and its gone link is followed', async (t) => {
  const rig = await withGap(t);
  const { hub, origin, old } = rig;
  let gone = 0;
  const link = { send: () => gone++ };
  const leaving = back(rig, old, { gone: link });
  const crowd = Array.from({ length: REPLAYS_AT_ONCE }, () => back(rig, old, { gone: link }));
  assert.equal(origin.replays.length, REPLAYS_AT_ONCE);
  leaving.leave();
  for (const client of crowd.slice(-1)) client.leave();
  for (const { former } of origin.replays) former.done();
  await turn();
  assert.equal(gone, REPLAYS_AT_ONCE + 1);
  hub.assertEmpty();
});

test('a held request is sent again likewise, and where it waits already', async (t) => {
  const rig = await withGap(t);
  const { hub, store, origin, old } = rig;
  const client = poll(hub, ['a'], old, { replay: origin.replay });
  assert.deepEqual([client.head, origin.missed], [null, [['a']]]);
  const former = origin.former(0);
  hub.hold(client, responseInstruct(['a'], { body: 'state' }), {
    former,
    credits: former.credits,
    replay: origin.replay,
  });
  await hub.publish(both('a', '5'));
  assert.deepEqual([client.body, fieldsOf(store, client)], ['5', 'Last-Event-ID E-5']);
  const waiting = poll(hub, ['a'], `${store.epoch}-5`, { replay: origin.replay });
  for (const text of ['6', '7', '8']) store.append([{ channel: 'a', bytes: encoded(text), keep: TWO }], () => {});
  hub.hub.catchUp();
  await turn();
  assert.deepEqual([waiting.head, origin.missed], [null, [['a'], ['a']]]);
  await hub.publish(both('a', '9'));
  assert.match(fieldsOf(store, waiting), /Event-Gap \["a"\]$/);
});

test('a stream that falls behind too far follows its link, or ends so that it comes back', async (t) => {
  const rig = await withGap(t);
  const { hub, store, known } = rig;
  const link = new ManualLink();
  hub.limits.current = { ...hub.limits.current, queueItems: 1 };
  const slow = [back(rig, known, { credits: 0 }), back(rig, known, { credits: 0, link })];
  const told = back(rig, known, { credits: 0, instruct: streamInstruct(['b'], EVENTS) });
  for (const text of ['5', '6', '7', '8']) await hub.publish(both('a', text), both('b', text));
  for (const each of [...slow, told]) for (let i = 0; i < 5; i++) each.grant(100);
  const [ended, following] = slow as [HeldClient, HeldClient];
  assert.deepEqual([ended.complete, following.complete, told.complete], [true, false, false]);
  assert.ok(!ended.body.includes('event: gap') && !following.body.includes('event: gap'));
  assert.match(shown(store, told), /event: gap\ndata: {"channels":\["b"\]}/);
  assert.equal(link.clients.length, 1);
});

test('a hub that drains, and one that holds too much, do not wait for the origin', async (t) => {
  const rig = await withGap(t);
  const { hub, origin, old } = rig;
  const body = 'x'.repeat(MAX_HELD_BYTES / 4);
  const large = streamInstruct(['a'], { ...EVENTS, body });
  const crowd = Array.from({ length: 5 }, () => back(rig, old, { instruct: large, credits: 0 }));
  assert.equal(origin.replays.length, 3);
  assert.equal(hub.counters.holdsRefused, 2);
  for (const client of crowd) client.leave();
  const waiting = Array.from({ length: REPLAYS_AT_ONCE + 1 }, () => back(rig, old));
  hub.hub.drain();
  await turn();
  const last = waiting.at(-1) as HeldClient;
  assert.deepEqual([last.complete, /^first;/.test(last.body)], [true, true]);
  const late = back(rig, old);
  assert.deepEqual([late.complete, /^first;/.test(late.body)], [true, true]);
});
