import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeItem } from '../../../src/codec/grip/index.ts';
import { ChannelRules, type HistoryAnswer, OwnHistory } from '../../../src/hub/index.ts';
import type { HeldClient } from '../../support/exchange/held-client.ts';
import { ALL } from '../../support/history/history-model.ts';
import { both, come, EVENTS, event, fieldsOf, keeping, poll, QUESTION, rule, SOUND, shown } from './history-rig.ts';
import { streamAction, streamInstruct, streamItem, turn } from './support.ts';

test('a client has a cursor before its first event, and with each item', async (t) => {
  const { hub, store } = keeping(t);
  await hub.publish(event('a', 'before'));
  const client = hub.client();
  hub.hold(client, streamInstruct(['a'], { ...EVENTS, body: 'data: hello\n\n' }));
  await hub.publish(event('a', '1'), event('c', 'other'), event('a', '2'));
  assert.equal(shown(store, client), 'data: hello\n\nid: E-1\n\ndata: 1\nid: E-2\n\ndata: 2\nid: E-3\n\n');
});

test('a stream has cursors in whatever case its origin writes Content-Type', async (t) => {
  const { hub, store } = keeping(t);
  const client = hub.client();
  hub.hold(client, streamInstruct(['a'], { headers: ['content-type', 'Text/Event-Stream;charset=utf-8'] }));
  await hub.publish(event('a', '1'));
  assert.equal(shown(store, client), 'id: E-0\n\ndata: 1\nid: E-1\n\n');
});

test('a client that comes back gets what it has missed, in order, and then what comes', async (t) => {
  const { hub, store } = keeping(t);
  await hub.publish(event('a', '1'), event('b', '2'), event('c', 'x'), event('a', '3'));
  const client = come(hub, ['a', 'b'], `${store.epoch}-1`);
  await hub.publish(event('b', '4'));
  assert.equal(shown(store, client), 'data: 2\nid: E-2\n\ndata: 3\nid: E-3\n\nid: E-3\n\ndata: 4\nid: E-4\n\n');
  assert.equal(hub.counters.historyResumed, 1);
});

test('items that are on their way when a client comes back reach it once', async (t) => {
  const { hub, store } = keeping(t);
  await hub.publish(event('a', '1'));
  // Stored, and to be delivered at the end of the turn.
  hub.hub.publish([event('a', '2'), event('b', '3')]);
  const client = come(hub, ['a', 'b'], `${store.epoch}-1`);
  const fresh = come(hub, ['a', 'b']);
  await hub.publish(event('a', '4'));
  assert.equal(shown(store, client), 'data: 2\nid: E-2\n\ndata: 3\nid: E-3\n\nid: E-3\n\ndata: 4\nid: E-4\n\n');
  assert.equal(shown(store, fresh), 'id: E-3\n\ndata: 4\nid: E-4\n\n');
});

test('a client that cannot get all is told of the channels, and gets nothing of the old', async (t) => {
  const { hub, store } = keeping(t, [rule('p.a', { items: 1 }), rule('p.b', { items: 1 })]);
  await hub.publish(event('p.a', '1'), event('p.b', '2'), event('p.a', '3'));
  const forged = ['x', 'zzz-1', `${store.epoch}-99`, `${store.epoch}-01`, `${store.epoch}-9007199254740993`];
  for (const id of forged) {
    const client = hub.client();
    const request = { ...client.request, headers: ['Last-Event-ID', id] };
    hub.hold(client, streamInstruct(['a', 'b'], EVENTS), { request, channelPrefix: 'p.' });
    assert.equal(shown(store, client), 'event: gap\ndata: {"channels":["a","b"]}\n\nid: E-3\n\n', id);
  }
  const client = come(hub, ['p.a', 'p.b'], `${store.epoch}-0`);
  await hub.publish(event('p.a', '4'));
  // It does not get what it has missed of the other one either, unless it has missed nothing.
  const both = 'event: gap\ndata: {"channels":["p.a","p.b"]}\n\nid: E-3\n\ndata: 4\nid: E-4\n\n';
  assert.equal(shown(store, client), both);
  const other = come(hub, ['p.a', 'p.b'], `${store.epoch}-2`);
  assert.equal(shown(store, other), 'event: gap\ndata: {"channels":["p.a"]}\n\nid: E-4\n\n');
  assert.equal(hub.counters.historyGaps, 7);
});

test('a client with an empty id has not had an event, and is new', async (t) => {
  const { hub, store } = keeping(t, [rule('a')]);
  await hub.publish(event('a', '1'));
  assert.equal(shown(store, come(hub, ['a'], '')), 'id: E-1\n\n');
  assert.equal(hub.counters.historyGaps, 0);
});

test('where the rule says so a gap is not told', async (t) => {
  const { hub, store } = keeping(t, [rule('a', { onGap: 'none' }), rule('b')]);
  await hub.publish(event('a', '1'));
  assert.equal(shown(store, come(hub, ['a'], 'old-1')), 'id: E-1\n\n');
  assert.equal(shown(store, come(hub, ['a', 'b'], 'old-1')), 'event: gap\ndata: {"channels":["b"]}\n\nid: E-1\n\n');
});

test('a new client, and one that has missed too much, gets the last item of channels that retain it', async (t) => {
  const { hub, store } = keeping(t, [rule('a', { retain: true }), rule('b', { retain: true }), rule('c')]);
  await hub.publish(event('b', '1'), event('a', '2'), event('b', '3'), event('c', '4'));
  const retained = 'data: 2\nid: E-2\n\ndata: 3\nid: E-3\n\nid: E-4\n\n';
  assert.equal(shown(store, come(hub, ['a', 'b', 'c'])), retained);
  const gap = 'event: gap\ndata: {"channels":["a","b","c"]}\n\nid: E-1\n\n';
  assert.equal(shown(store, come(hub, ['a', 'b', 'c'], 'old-1')), gap + retained);
  assert.equal(shown(store, come(hub, ['a', 'b', 'c'], `${store.epoch}-3`)), 'data: 4\nid: E-4\n\nid: E-4\n\n');
});

test('ids of publishers do not pass to clients that have a cursor, from no channel', async (t) => {
  const { hub, store } = keeping(t);
  const client = come(hub, ['a', 'c']);
  const other = come(hub, ['c']);
  await hub.publish(streamItem('a', 'id: x\ndata: 1\n\n'), streamItem('c', 'id: y\ndata: 2\n\n'));
  assert.equal(shown(store, client), 'id: E-0\n\ndata: 1\nid: E-1\n\ndata: 2\n\n');
  assert.equal(other.body, 'id: y\ndata: 2\n\n');
});

test('a stream that is none of events, and one of channels that are not kept, has no cursor', async (t) => {
  const { hub } = keeping(t);
  const plain = hub.hold(hub.client(), streamInstruct(['a'], { headers: ['Content-Type', 'text/plain'] }));
  const other = come(hub, ['c'], 'x');
  await hub.publish(streamItem('a', 'id: x\n'), event('c', '1'));
  assert.equal(plain.body, 'id: x\n');
  assert.equal(other.body, 'data: 1\n\n');
});

test('a close ends those who are there, and is not kept', async (t) => {
  const { hub, store } = keeping(t);
  const client = come(hub, ['a']);
  await hub.publish(event('a', '1'), streamAction('a', 'close'));
  assert.ok(client.complete);
  assert.equal(store.last, 1);
  const again = come(hub, ['a'], `${store.epoch}-1`);
  assert.ok(!again.complete);
});

test('a slow client loses nothing, and no more than a page waits for it', async (t) => {
  const { hub, store } = keeping(t, [rule('a', { items: 1_000 })], { limits: { queueItems: 4 } });
  const client = come(hub, ['a'], null, 40);
  const expected: string[] = [];
  for (let i = 1; i <= 300; i++) {
    await hub.publish(event('a', `${i}-${'x'.repeat(1_000)}`));
    expected.push(`${i}-`);
  }
  assert.ok(hub.hub.queues.backlogs < 10_000, `${hub.hub.queues.backlogs} bytes wait`);
  let largest = 0;
  while (client.body.split(`id: ${store.epoch}-300\n`).length < 2) {
    client.grant(1_000);
    largest = Math.max(largest, hub.hub.queues.backlogs);
  }
  assert.ok(largest < 150_000, `${largest} bytes waited`);
  client.grant(10_000);
  await hub.publish(event('a', '301-'));
  assert.deepEqual(
    [...client.body.matchAll(/data: (\d+-)/g)].map((match) => match[1]),
    [...expected, '301-'],
  );
  assert.equal(hub.counters.itemsDropped, 0);
});

test('a client that takes a byte at a time gets each item once, and the log is read no more often for it', async (t) => {
  const { hub, store } = keeping(t, [rule('a', { items: 1_000 })], { limits: { queueItems: 1 } });
  const numbers = Array.from({ length: 140 }, (_, i) => `${i} ${'x'.repeat(500)}`);
  for (const number of numbers) await hub.publish(event('a', number));
  const reads = t.mock.method(store, 'read');
  const client = come(hub, ['a'], `${store.epoch}-0`, 0);
  const take = async (last: string): Promise<void> => {
    numbers.push(last);
    await hub.publish(event('a', last));
    while (!client.body.includes(`data: ${last}\n`)) {
      for (let i = 0; i < 1_000; i++) client.grant(1);
      await turn();
    }
  };
  await take('last');
  await take('very last');
  assert.deepEqual(
    [...client.body.matchAll(/^data: (.*)$/gm)].map((match) => match[1]),
    numbers,
  );
  // 75 KB are two pages.
  assert.ok(reads.mock.callCount() < 10, `${reads.mock.callCount()} reads`);
});

test('a slow client whose items were let go meanwhile is told', async (t) => {
  const { hub, store } = keeping(t, [rule('a', { items: 3 })], { limits: { queueItems: 2 } });
  const client = come(hub, ['a'], null, 20);
  for (let i = 1; i <= 10; i++) await hub.publish(event('a', `${i}`));
  client.grant(10_000);
  await hub.publish(event('a', '11'));
  const text = shown(store, client);
  assert.match(text, /event: gap\ndata: {"channels":\["a"\]}\n\nid: E-10\n\ndata: 11\nid: E-11\n\n$/);
});

test('rules that change apply to what is published from then on', async (t) => {
  const { hub, store } = keeping(t, [rule('a')]);
  await hub.publish(event('a', '1'));
  hub.hub.history.rules = new ChannelRules([rule('b')]);
  await hub.publish(event('a', '2'), event('b', '3'));
  assert.equal(store.last, 3, 'the change takes a number');
  assert.equal(come(hub, ['a'], `${store.epoch}-0`).body, '');
  assert.equal(shown(store, come(hub, ['b'], `${store.epoch}-2`)), 'data: 3\nid: E-3\n\nid: E-3\n\n');
  assert.match(come(hub, ['b'], `${store.epoch}-1`).body, /^event: gap/, 'it may have missed items that were not kept');
});

test('with a single channel the id that the publisher gave an item works as a cursor too', async (t) => {
  const { hub, store } = keeping(t);
  await hub.publish(event('a', '1', { id: 'é 1' }), event('a', '2', { id: 'x-2' }), event('b', '3', { id: 'é 1' }));
  const header = Buffer.from('é 1').toString('latin1');
  assert.equal(shown(store, come(hub, ['a'], header)), 'data: 2\nid: E-2\n\nid: E-3\n\n');
  assert.equal(shown(store, come(hub, ['a'], 'x-2')), 'id: E-3\n\n');
  assert.match(shown(store, come(hub, ['a'], 'x-9')), /^event: gap\n/);
  assert.match(shown(store, come(hub, ['a', 'b'], header)), /^event: gap\n/);
});

test('an item whose ttl is over is not sent to those who come back', async (t) => {
  const { hub, store } = keeping(t, [rule('a', { retain: true })]);
  const extras = { repeatKey: null, version: null, ttl: 1, expires: Date.now() + 3_600_000 };
  await hub.publish(event('a', '1', { extras }), event('a', '2'), event('a', '3', { extras }));
  const of = `${store.epoch}-0`;
  assert.deepEqual(shown(store, come(hub, ['a'], of)).match(/data: \d/g), ['data: 1', 'data: 2', 'data: 3']);
  const now = Date.now();
  t.mock.method(Date, 'now', () => now + 7_200_000);
  assert.deepEqual(shown(store, come(hub, ['a'], of)), 'data: 2\nid: E-2\n\nid: E-3\n\n');
  assert.deepEqual(shown(store, come(hub, ['a'])), 'id: E-3\n\n');
});

test('a new client gets the last item of each of any number of channels', (t) => {
  const { store } = keeping(t);
  const rules = new ChannelRules([rule('>', { retain: true })]);
  const channels = Array.from({ length: 20_000 }, (_, i) => `c${i}`);
  const kept = ['c19999', 'c0'].map((channel) => ({ channel, bytes: encodeItem(event(channel, 'x')), keep: ALL }));
  store.append(kept, () => undefined);
  const answers: HistoryAnswer[] = [];
  new OwnHistory(store, () => rules, SOUND).ask({ ...QUESTION, channels }, (answer) => answers.push(answer));
  const [{ items, head } = { items: [], head: 0 }] = answers;
  assert.deepEqual([items.map(({ channel }) => channel), head], [['c19999', 'c0'], 2]);
});

test('a new client whose initial body has not passed gets what is published meanwhile, and the last item of a channel that retains it', async (t) => {
  const { hub, store } = keeping(t, [rule('a'), rule('b', { retain: true })]);
  await hub.publish(event('a', '1'), event('b', '2'), event('a', '3'));
  const client = hub.client(4);
  hub.hold(client, streamInstruct(['a', 'b'], { ...EVENTS, body: 'data: hello\n\n' }));
  await hub.publish(event('a', '4'));
  await hub.publish(event('b', '5'));
  client.grant(1_000);
  await turn();
  await hub.publish(event('a', '6'));
  assert.equal(
    shown(store, client),
    'data: hello\n\ndata: 2\nid: E-2\n\ndata: 4\nid: E-4\n\ndata: 5\nid: E-5\n\nid: E-5\n\ndata: 6\nid: E-6\n\n',
  );
});

test('what the client itself says counts before what its origin says that it has', async (t) => {
  const { hub, store } = keeping(t);
  await hub.publish(event('a', '1'), event('a', '2'), event('a', '3'));
  const instruct = streamInstruct(['a'], EVENTS);
  const { hold } = instruct;
  assert.ok(hold);
  const channels = hold.channels.map((channel) => ({ ...channel, since: `${store.epoch}-2` }));
  const since = { ...instruct, hold: { ...hold, channels } };
  const client = hub.hold(hub.client(), since);
  assert.equal(shown(store, client), 'data: 3\nid: E-3\n\nid: E-3\n\n');
  const back = hub.client();
  const request = { ...back.request, headers: ['Last-Event-ID', `${store.epoch}-1`] };
  hub.hold(back, since, { request });
  assert.equal(shown(store, back), 'data: 2\nid: E-2\n\ndata: 3\nid: E-3\n\nid: E-3\n\n');
});

test('the cursor comes directly behind a gap, whatever is published before the client takes it', async (t) => {
  const { hub, store } = keeping(t, [rule('a', { items: 1 })]);
  await hub.publish(event('a', '1'), event('a', '2'));
  const [client, fresh] = [come(hub, ['a'], `${store.epoch}-0`, 0), come(hub, ['a'], null, 0)];
  await hub.publish(event('a', '3'));
  for (const each of [client, fresh]) each.grant(1_000);
  assert.equal(shown(store, client), 'event: gap\ndata: {"channels":["a"]}\n\nid: E-2\n\ndata: 3\nid: E-3\n\n');
  assert.equal(shown(store, fresh), 'id: E-2\n\ndata: 3\nid: E-3\n\n');
});

test('an item with retain: false goes to those who are there, and is neither kept nor the last item for new clients', async (t) => {
  const { hub, store } = keeping(t, [rule('a', { retain: true })]);
  const extras = { repeatKey: null, version: 1, ttl: null, expires: 0, retain: false } as const;
  await hub.publish(event('a', '1'));
  const [stream, waiting] = [come(hub, ['a'], `${store.epoch}-1`), poll(hub, ['a'], `${store.epoch}-1`)];
  await hub.publish({ ...both('a', 'typing'), extras });
  assert.deepEqual([waiting.body, fieldsOf(store, waiting)], ['typing', 'Last-Event-ID E-1']);
  await hub.publish(event('a', '2'));
  assert.equal(shown(store, stream), 'id: E-1\n\ndata: typing\n\ndata: 2\nid: E-2\n\n');
  await hub.publish({ ...event('a', 'typing again'), extras: { ...extras, version: 2 } });
  assert.equal(shown(store, come(hub, ['a'])), 'data: 2\nid: E-2\n\nid: E-2\n\n');
  assert.equal(shown(store, come(hub, ['a'], `${store.epoch}-1`)), 'data: 2\nid: E-2\n\nid: E-2\n\n');
});

test('of items that are published together each client gets those that are not kept, and each of the others once', async (t) => {
  const { hub, store } = keeping(t);
  const extras = { repeatKey: null, ttl: null, expires: 0, retain: false } as const;
  const passing = (version: number) => ({ ...event('a', `t${version}`), extras: { ...extras, version } });
  const live = come(hub, ['a'], `${store.epoch}-0`);
  const slow = come(hub, ['a'], `${store.epoch}-0`, 30);
  await hub.publish(passing(1), event('a', '1'), passing(2), passing(3), event('a', '2'), event('a', '3'));
  const [first, second] = ['data: t1\n\ndata: 1\nid: E-1\n\ndata: t2\n\ndata: t3\n\n', 'data: 2\nid: E-2\n\n'];
  assert.equal(shown(store, live), `id: E-0\n\n${first}${second}data: 3\nid: E-3\n\n`);
  hub.hub.catchUp();
  await hub.publish(event('a', '4'));
  const items = (client: HeldClient): string[] => shown(store, client).match(/(?<=data: )\w+/g) ?? [];
  assert.deepEqual(items(live), ['t1', '1', 't2', 't3', '2', '3', '4']);
  slow.grant(10_000);
  assert.deepEqual(items(slow).toSorted(), ['1', '2', '3', '4', 't1', 't2', 't3']);
});

test('the history of a client whose socket takes all at once begins behind its initial body', async (t) => {
  const { hub, store } = keeping(t);
  const open = takingAtOnce(hub.client());
  hub.hold(open, streamInstruct(['a'], { ...EVENTS, body: 'data: hello' }));
  await hub.publish(event('a', '1'));
  assert.equal(shown(store, open), 'data: hello\nid: E-0\n\ndata: 1\nid: E-1\n\n');

  await hub.publish(event('b', '2', { id: 'known' }));
  const placed = takingAtOnce(hub.client());
  const instruct = streamInstruct([], { ...EVENTS, body: 'data: hello\n\n' });
  const hold = { ...(instruct.hold as NonNullable<typeof instruct.hold>) };
  hub.hold(placed, { ...instruct, hold: { ...hold, channels: [{ name: 'b', prevId: 'known', filters: [] }] } });
  await hub.publish(event('b', '3', { id: 'next', prevId: 'known' }));
  assert.equal(shown(store, placed), 'data: hello\n\nid: E-2\n\ndata: 3\nid: E-3\n\n');
});

/** A client that gives credits back while it is given bytes. */
function takingAtOnce(client: HeldClient): HeldClient {
  const take = client.onResponseData.bind(client);
  client.onResponseData = (chunk, more) => {
    take(chunk, more);
    client.responder?.onResponseCredit(chunk.length);
  };
  return client;
}
