import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Instruct, PublishItem } from '../../../src/codec/grip/index.ts';
import { MAX_EARLY_ITEMS } from '../../../src/hub/sequencer.ts';
import type { HeldClient } from '../../support/exchange/held-client.ts';
import { askBy, both, EVENTS, fieldsOf, keeping, rule, shown } from './history-rig.ts';
import {
  type HubRig,
  type InstructOptions,
  ManualLink,
  responseInstruct,
  SilentOrigin,
  streamAction,
  streamInstruct,
  turn,
} from './support.ts';

/** An item with an id, for event streams and held requests. */
function ids(id: string | null, prevId: string | null, channel = 'a', more: Partial<PublishItem> = {}): PublishItem {
  return { ...both(channel, id ?? '-'), id, prevId, ...more };
}

/** An instruct whose channels have these ids; null for none. */
function at(prevIds: Record<string, string | null>, options: InstructOptions = EVENTS): Instruct {
  return named(streamInstruct([], options), prevIds);
}

function pollAt(prevIds: Record<string, string | null>): Instruct {
  return named(responseInstruct([], { body: 'nothing' }), prevIds);
}

function named(instruct: Instruct, prevIds: Record<string, string | null>): Instruct {
  const channels = Object.entries(prevIds).map(([name, prevId]) => ({ name, prevId, filters: [] }));
  return { ...instruct, hold: { ...(instruct.hold as NonNullable<typeof instruct.hold>), channels } };
}

function withCursor(client: HeldClient, cursor: string): HeldClient['request'] {
  return { ...client.request, headers: ['Last-Event-ID', cursor] };
}

/** The data of all events. */
function dataOf(client: HeldClient): string {
  return (client.body.match(/^data: .*$/gm) ?? []).map((line) => line.slice(6)).join();
}

function stream(hub: HubRig, instruct: Instruct, link: ManualLink | null = null, credits?: number): HeldClient {
  return hub.hold(hub.client(credits), instruct, { link });
}

test('a stream gets what comes after the item that its origin knew, without its link', async (t) => {
  const { hub, store } = keeping(t);
  await hub.publish(ids('1', null), ids('2', '1'), ids('x', null, 'b'), ids('3', '2'));
  const link = new ManualLink();
  const client = stream(hub, at({ a: '1', b: null }), link);
  assert.equal(shown(store, client), 'data: 2\nid: E-2\n\ndata: 3\nid: E-4\n\nid: E-4\n\n');
  await hub.publish(ids('4', '3'), ids('y', null, 'b'));
  assert.equal(dataOf(client), '2,3,4,y');
  assert.equal(link.clients.length, 0);
});

test('items of a channel with a history are never dropped for their order', async (t) => {
  const { hub } = keeping(t, [rule('a', { items: 1_000 })]);
  const client = stream(hub, at({ a: null }));
  // The one before the chain never comes, and more follow than may wait.
  const chain = Array.from({ length: 3 * MAX_EARLY_ITEMS }, (_, index) => ids(`${index + 1}`, `${index}`));
  await hub.publish(ids('first', null), ...chain, ids('fork', '0'), ids('other', '0'));
  hub.advance(6_000);
  await turn();
  assert.equal(dataOf(client), ['first', ...chain.map(({ id }) => id), 'other', 'fork'].join());
  assert.equal(hub.counters.itemsOutOfOrder, 0);
});

test('an item that waits for the one before it is kept also when the clients of its channel have gone', async (t) => {
  const { hub, store } = keeping(t);
  const client = stream(hub, at({ a: null }));
  await hub.publish(ids('1', null), ids('3', '2'));
  client.leave();
  await hub.publish(ids(null, null));
  hub.advance(6_000);
  await turn();
  const next = hub.client();
  hub.hold(next, at({ a: null }), { request: withCursor(next, `${store.epoch}-0`) });
  assert.equal(dataOf(next), '1,-,3');
});

test('each channel begins where its origin knew it', async (t) => {
  const { hub } = keeping(t);
  await hub.publish(ids('1', null), ids('x', null, 'b'), ids('2', '1'), ids('y', 'x', 'b'), ids('3', '2'));
  assert.equal(dataOf(stream(hub, at({ a: '2', b: 'x' }))), 'y,3');
  assert.equal(dataOf(stream(hub, at({ a: '1', b: 'y' }))), '2,3');
});

test('a stream whose channels the log can continue needs no link', async (t) => {
  const { hub } = keeping(t);
  await hub.publish(ids('1', null), ids('2', '1'));
  const client = stream(hub, at({ a: '1' }));
  await hub.publish(ids('3', '2'));
  assert.equal(dataOf(client), '2,3');
  assert.equal(client.complete, false);
  const unknown = stream(hub, at({ a: 'unknown' }));
  assert.equal(unknown.complete, true, 'the log does not know where it is');
});

test('a stream whose id the log does not know follows its link, and gets what the origin did not know', async (t) => {
  const { hub } = keeping(t, [rule('a', { items: 2 })]);
  const link = new ManualLink();
  const holder = stream(hub, at({ a: null }));
  await hub.publish(ids('1', null), ids('2', '1'), ids('3', '2'));
  const client = stream(hub, at({ a: '1' }), link);
  assert.deepEqual(link.positions, [[{ name: 'a', id: '1' }]]);
  await hub.publish(ids('4', '3'));
  link.last.onLinkData(Buffer.from('data: 2\n\ndata: 3\n\n'));
  link.last.onLinkDone({ hold: at({ a: '3' }).hold, next: link });
  await hub.publish(ids('5', '4'));
  assert.equal(dataOf(client), '2,3,4,5');
  assert.equal(link.clients.length, 1);
  assert.equal(dataOf(holder), '1,2,3,4,5');
});

test('a stream of other content gets the missed items too, and nothing else', async (t) => {
  const { hub } = keeping(t);
  await hub.publish(ids('1', null), ids('2', '1'));
  const client = stream(hub, at({ a: '1' }, { headers: ['Content-Type', 'text/plain'], body: 'body;' }));
  await hub.publish(ids('3', '2'));
  assert.equal(client.body, 'body;data: 2\n\ndata: 3\n\n');
});

test('a cursor says more than the origin, and the first item after it needs no item before it', async (t) => {
  const { hub, store } = keeping(t, [rule('a', { items: 3 })]);
  const link = new ManualLink();
  for (const id of [1, 2, 3, 4]) await hub.publish(ids(`${id}`, id === 1 ? null : `${id - 1}`));
  const client = hub.client();
  hub.hold(client, at({ a: '4' }), { link, request: withCursor(client, `${store.epoch}-1`) });
  await hub.publish(ids('5', '4'));
  assert.equal(dataOf(client), '2,3,4,5');
  assert.equal(link.clients.length, 0);
});

test('a stream whose link leads to other channels while an answer of the log is on its way gets all of these, and nothing of the former', async (t) => {
  const { hub } = keeping(t);
  const link = new ManualLink();
  const client = stream(hub, at({ a: null }), link);
  let give: (() => void) | null = null;
  askBy(hub, (source, question, done) =>
    source.ask(question, (answer) => {
      if (give === null) give = () => done(answer);
      else done(answer);
    }),
  );
  // It is stored, and to be delivered at the end of the turn.
  hub.hub.publish([both('a', 'a1')]);
  hub.hub.catchUp();
  while (give === null) await turn();
  // Twice, as there was an item.
  for (let times = 0; times < 2; times++) hub.advance(120_000);
  link.last.onLinkDone({ hold: at({ b: null }).hold, next: link });
  await hub.publish(both('b', 'b2'), both('a', 'a3'));
  assert.equal(dataOf(client), '');
  (give as () => void)();
  for (let last = -1; client.body.length !== last; await turn()) last = client.body.length;
  await hub.publish(both('b', 'b4'));
  assert.equal(dataOf(client), 'b2,b4');
});

test('where the cursor is lost the client is told, and gets what the origin did not know', async (t) => {
  const { hub, store } = keeping(t);
  await hub.publish(ids('1', null), ids('2', '1'));
  const client = hub.client();
  hub.hold(client, at({ a: '1' }), { request: withCursor(client, 'lost-1') });
  const gap = 'event: gap\ndata: {"channels":["a"]}\n\nid: E-1\n\n';
  assert.equal(shown(store, client), `${gap}data: 2\nid: E-2\n\nid: E-2\n\n`);
});

test('an item before which there was nothing for streams is no gap, and one before which an item never came is', async (t) => {
  const { hub } = keeping(t);
  const link = new ManualLink();
  await hub.publish(ids('1', null));
  const client = stream(hub, at({ a: '1' }), link);
  await hub.publish(ids('2', '1', 'a', { httpStream: null }), ids('3', '2'));
  assert.equal(dataOf(client), '3');
  assert.equal(link.clients.length, 0);
  hub.hub.publish([ids('5', '4')]);
  hub.advance(6_000);
  await turn();
  assert.deepEqual(link.positions, [[{ name: 'a', id: '3' }]]);
  assert.equal(dataOf(client), '3');
});

test('without a link a stream is told of the gap, and goes on', async (t) => {
  const { hub } = keeping(t);
  await hub.publish(ids('1', null));
  const client = stream(hub, at({ a: '1' }));
  await hub.publish(ids('2', '1'));
  hub.hub.publish([ids('4', '3')]);
  hub.advance(6_000);
  await turn();
  await hub.publish(ids('5', '4'));
  assert.equal(dataOf(client), '2,{"channels":["a"]},4,5');
});

test('a slow stream gets what had no room from the log, and its link is not followed', async (t) => {
  const { hub } = keeping(t, [rule('a', { items: 100 })], { limits: { queueItems: 2 } });
  const link = new ManualLink();
  await hub.publish(ids('0', null));
  const client = stream(hub, at({ a: '0' }), link, 40);
  for (let id = 1; id <= 20; id++) await hub.publish(ids(`${id}`, `${id - 1}`));
  client.grant(10_000);
  await turn();
  await hub.publish(ids('21', '20'));
  assert.equal(dataOf(client), Array.from({ length: 21 }, (_, i) => i + 1).join());
  assert.equal(link.clients.length, 0);
});

test('what comes while a new client takes its initial body is for it', async (t) => {
  const { hub } = keeping(t);
  await hub.publish(ids('1', null));
  const client = stream(hub, streamInstruct(['a'], { ...EVENTS, body: `:${'x'.repeat(100)}\n\n` }), null, 10);
  await hub.publish(ids('2', '1'));
  client.grant(10_000);
  await turn();
  await hub.publish(ids('3', '2'));
  assert.equal(dataOf(client), '2,3');
});

test('items that got lost on their way are read from the log, and only publishers that lost some make the link be followed', async (t) => {
  const { hub, store } = keeping(t);
  const link = new ManualLink();
  const [client, mixed] = [stream(hub, at({ a: null }), link), stream(hub, at({ a: null, c: null }), new ManualLink())];
  hub.hub.catchUp();
  hub.advance(1_000);
  assert.equal(link.clients.length, 0);
  assert.equal(mixed.complete, false);
  hub.hub.recover();
  hub.advance(1_000);
  assert.equal(link.clients.length, 1);
  await hub.publish(streamAction('a', 'close'));
  assert.equal(store.last, 0);
  assert.equal(client.complete, false, 'while the link is followed it waits');
});

test('a held request whose origin knew an earlier item gets the next one at once, without a replay', async (t) => {
  const { hub, store } = keeping(t);
  const origin = new SilentOrigin();
  const { replay } = origin;
  await hub.publish(ids('1', null), ids('2', '1'), ids('3', '2'));
  const client = hub.hold(hub.client(), pollAt({ a: '1' }), { replay });
  assert.deepEqual([client.body, fieldsOf(store, client)], ['2', 'Last-Event-ID E-2']);
  const joined = hub.hold(hub.client(), pollAt({ a: '1' }), { replay, join: 'lines' });
  assert.equal(joined.body, '2\n3\n');
  const late = hub.hold(hub.client(), pollAt({ a: '3' }), { replay });
  await hub.publish(ids('4', '3'));
  assert.equal(late.body, '4');
  assert.equal(origin.replays.length, 0);
});

test('a held request whose id the log does not know is replayed as before', async (t) => {
  const { hub } = keeping(t, [rule('a', { items: 1 })]);
  const origin = new SilentOrigin();
  const keeper = stream(hub, at({ a: null }));
  await hub.publish(ids('1', null), ids('2', '1'));
  const client = hub.hold(hub.client(), pollAt({ a: '1' }), { replay: origin.replay });
  assert.equal(origin.replays.length, 1);
  hub.hold(client, pollAt({ a: '2' }), { replay: origin.replay, former: origin.former(0) });
  await hub.publish(ids('3', '2'));
  assert.equal(client.body, '3');
  assert.equal(origin.replays.length, 1);
  assert.equal(keeper.complete, false);
});

test('a held request is replayed for an item before which another never came, and gets neither it twice nor a gap', async (t) => {
  const { hub } = keeping(t);
  const origin = new SilentOrigin();
  const { replay } = origin;
  await hub.publish(ids('1', null));
  const client = hub.hold(hub.client(), pollAt({ a: '1' }), { replay });
  hub.hub.publish([ids('3', '2')]);
  hub.advance(6_000);
  await turn();
  assert.equal(origin.replays.length, 1);
  // The origin does not know the missing item either.
  hub.hold(client, pollAt({ a: '1' }), { replay, former: origin.former(0) });
  assert.equal(client.head, null);
  assert.equal(origin.replays.length, 2);
  hub.hold(client, pollAt({ a: '3' }), { replay, former: origin.former(1) });
  await hub.publish(ids('4', '3'));
  assert.equal(client.body, '4');
  assert.equal(origin.replays.length, 2);
});

test('for a held request an item of which it gets nothing is no gap', async (t) => {
  const { hub } = keeping(t);
  const origin = new SilentOrigin();
  await hub.publish(ids('1', null));
  const client = hub.hold(hub.client(), pollAt({ a: '1' }), { replay: origin.replay });
  await hub.publish(ids('2', '1', 'a', { httpResponse: null }), ids('3', '2'));
  assert.equal(client.body, '3');
  assert.equal(origin.replays.length, 0);
});
