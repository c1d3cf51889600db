import assert from 'node:assert/strict';
import { test } from 'node:test';
import { headers } from '@nats-io/transport-node';
import { READ_BYTES } from '../../../../src/cluster/store/kept-run.ts';
import { patternKey } from '../../../../src/hub/index.ts';
import { startNats } from '../../../support/nats.ts';
import { DROPPED, KEEP, StoreNode } from '../support.ts';

test('items of two nodes come to both in one order, their own too, and with the same numbers', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const [a, b] = [await StoreNode.open(t, nats), await StoreNode.open(t, nats)];
  assert.equal(a.store.epoch, b.store.epoch);
  assert.match(a.store.epoch, /^[0-9a-f]{12}$/);
  await Promise.all([a.subscribe('x', 'y'), b.subscribe('x', 'y')]);
  const numbers = await Promise.all([a.append('x', 'a1', 'a2'), b.append('x', 'b1'), b.append('y', 'b2')]);
  await a.until(() => a.items.length === 4);
  await b.until(() => b.items.length === 4);
  assert.deepEqual(a.items, b.items);
  assert.deepEqual(
    numbers.flat().toSorted((one, other) => one - other),
    a.items.map(({ number }) => number),
  );
  assert.equal(a.store.head, a.items.at(-1)?.number);
});

test('an item whose id another node has used already is kept once, and has its number', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const [a, b] = [await StoreNode.open(t, nats), await StoreNode.open(t, nats)];
  await a.subscribe('x', 'y');
  const first = await a.appendOnce('x', 'id', 'first');
  assert.equal(await b.appendOnce('x', 'id', 'second'), first);
  assert.notEqual(await b.appendOnce('y', 'id', 'other'), first);
  await a.until(() => a.items.length === 2);
  assert.equal(a.texts, 'first other');
});

test('what a client has missed at one node it gets at the other, from the last items or from the stream', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const a = await StoreNode.open(t, nats);
  await a.subscribe('x', 'y');
  const [first = 0] = await a.append('x', '1', '2', '3');
  await a.append('y', '4');
  assert.equal(await a.after(first, 'x'), '2 3');
  const b = await StoreNode.open(t, nats);
  await b.subscribe('x', 'y');
  assert.equal(await b.after(first, 'x'), '2 3');
  assert.equal(await b.after(first, 'x', 'y'), '2 3 4');
  assert.equal(await b.kept('x'), '1 2 3');
  assert.equal(await b.after(first + 9, 'x'), 'gap x');
  const foreign = await b.read({ channels: ['x'], after: { epoch: 'another', number: first } });
  assert.deepEqual([foreign.recovered, foreign.gaps], [false, ['x']]);
});

test('no more than 4 MB of items are read from the stream at a time, and the answer says from where to go on', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const a = await StoreNode.open(t, nats);
  const large = Array.from({ length: 9 }, (_, index) => String(index).padEnd(READ_BYTES / 8, '.'));
  await a.append('x', 'first');
  const numbers = await a.append('x', ...large, 'last');
  const b = await StoreNode.open(t, nats);
  await b.subscribe('x');
  const after = { epoch: b.store.epoch, number: (numbers[0] ?? 0) - 1 };
  const page = await b.read({ channels: ['x'], after });
  assert.deepEqual([page.recovered, page.items.length, page.more, page.head], [true, 8, true, numbers[7]]);
  const rest = await b.read({ channels: ['x'], after: { ...after, number: page.head } });
  assert.deepEqual([rest.recovered, rest.items.length, rest.more, rest.head], [true, 2, false, b.store.head]);
});

test('a client begins where the stream was when it came, if something has come until its channel is covered', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const a = await StoreNode.open(t, nats);
  for (const [key, channel] of [
    ['x', 'x'],
    [patternKey('y.*'), 'y.1'],
  ] as const) {
    const { head } = a.store;
    a.feed.channelAdded(key);
    const covered = a.cover(key);
    const [number = 0] = await a.append(channel, 'early');
    assert.deepEqual(await covered, { epoch: a.store.epoch, number: head });
    assert.ok(number > head);
    a.feed.channelAdded(`${channel}.other`);
    const quiet = a.cover(`${channel}.other`);
    await a.append(channel, 'of a channel that others have');
    assert.ok(((await quiet)?.number ?? 0) > number);
  }
});

test('a client gets a page of what was read where more comes meanwhile than its node remembers', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const [a, b] = [await StoreNode.open(t, nats), await StoreNode.open(t, nats)];
  await b.subscribe('x');
  const [first = 0] = await a.append('x', '1', '2');
  await b.until(() => b.items.length === 2);
  // What got lost is not among the last items of its node: they begin again behind it.
  const overrun = async (): Promise<void> => {
    const { length } = b.items;
    await a.append('x', DROPPED, 'later');
    await b.until(() => b.items.length > length);
  };
  await overrun();
  const { connection } = b.broker;
  const request = connection.request.bind(connection);
  t.mock.method(connection, 'request', async (subject: string, ...rest: [Uint8Array]) => {
    if (subject.includes('.STREAM.INFO.')) await overrun();
    return request(subject, ...rest);
  });
  for (const reverse of [false, true]) {
    const after = { epoch: b.store.epoch, number: first };
    const { recovered, more, items } = await b.read({ channels: ['x'], after, reverse });
    assert.deepEqual([recovered, more], [true, true]);
    assert.ok(items.some(({ bytes }) => bytes.toString() === '2'));
  }
});

test('channels with long names are read at a broker that takes small messages only', async (t) => {
  const nats = await startNats(t, { config: 'max_payload: 16384' });
  if (nats === null) return;
  const a = await StoreNode.open(t, nats);
  const channels = Array.from({ length: 40 }, (_, index) => `${index}`.padEnd(900, '"'));
  const [first = 0] = await a.append('x', 'first');
  for (const channel of channels) await a.append(channel, '.');
  const b = await StoreNode.open(t, nats);
  await b.subscribe(...channels);
  assert.equal(await b.after(first, ...channels), channels.map(() => '.').join(' '));
  assert.deepEqual(b.log.of('reading of histories failed'), []);
});

test('more items are read than the broker is asked for at a time, and none is missing', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const limits = { ...KEEP, items: 5_000 };
  const options = { settings: { largest: () => limits }, limitsOf: () => limits };
  const a = await StoreNode.open(t, nats, options);
  const [first = 0] = await a.append('x', 'first');
  const texts = Array.from({ length: 3_300 }, (_, index) => String(index));
  for (const from of [0, 1_100, 2_200]) await a.append('x', ...texts.slice(from, from + 1_100));
  const b = await StoreNode.open(t, nats, options);
  await b.subscribe('x');
  assert.equal(await b.after(first, 'x'), texts.join(' '));
  assert.deepEqual(b.log.of('reading of histories failed'), []);
});

test('the newest items of a channel come first, however many there are, and then those before them', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const a = await StoreNode.open(t, nats);
  const large = Array.from({ length: 30 }, (_, index) => String(index).padEnd(READ_BYTES / 8, '.'));
  const numbers = await a.append('x', ...large);
  const b = await StoreNode.open(t, nats);
  const seen: number[] = [];
  let before = Number.POSITIVE_INFINITY;
  for (let more = true; more; ) {
    const page = await b.read({ channels: ['x'], after: null, reverse: true, limit: 7, before });
    assert.equal(page.recovered, true);
    for (const { number } of page.items) seen.push(number);
    before = seen.at(-1) ?? 0;
    more = page.more;
  }
  assert.deepEqual(seen, numbers.toReversed());
});

test('an item that has got lost on its way is noticed when the next one comes, and can be read', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const a = await StoreNode.open(t, nats);
  await a.subscribe('x');
  const [first = 0] = await a.append('x', '1', DROPPED, '3');
  await a.until(() => a.lost.length > 0);
  assert.deepEqual(a.lost, ['x']);
  assert.equal(a.counters.channelsLost, 1);
  assert.equal(await a.after(first, 'x'), `${DROPPED} 3`);
});

test('a message that has been in another stream has the number of this one', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const node = await StoreNode.open(t, nats);
  await node.subscribe('x');
  const fields = headers();
  fields.set('Nats-Sequence', '1000000');
  fields.set('Nats-Last-Sequence', '999999');
  node.broker.connection.publish('test.h.x', Buffer.from('\x01copied'), { headers: fields });
  const [number] = await node.append('x', 'own');
  await node.until(() => node.items.length === 2);
  assert.equal(node.texts, 'copied own');
  assert.equal(node.items[1]?.number, number);
  assert.deepEqual(node.lost, []);
});
