import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type KeptItem, LOST_CURSOR, MemoryStore, type ReadResult } from '../../../src/history/index.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { fakeTimers } from '../../support/fake-timers.ts';
import { ALL } from '../../support/history/history-model.ts';
import { turn } from '../../support/manual-clock.ts';
import { at, memoryStore, put, readNow, texts } from './support.ts';

test('a client gets what it has missed on all of its channels, in the order of numbers', () => {
  const { store } = memoryStore();
  const seen = put(store, 'a', '1');
  for (const [channel, text] of ['b2', 'c3', 'a4', 'b5'].map((name) => [...name])) put(store, channel ?? '', text);
  const result = readNow(store, ['a', 'b'], at(store, seen));
  assert.deepEqual(texts(result), ['2', '4', '5']);
  assert.deepEqual(
    result.items.map(({ number, channel, time }) => [number, channel, time]),
    [
      [2, 'b', 1_000_000],
      [4, 'a', 1_000_000],
      [5, 'b', 1_000_000],
    ],
  );
  assert.deepEqual([result.recovered, result.gaps, result.head, result.more], [true, [], 5, false]);
  assert.deepEqual([store.last, store.head, store.degraded], [5, 5, null]);
});

test('items of one append have consecutive numbers, and calls come in order even when one appends further items', () => {
  const { store } = memoryStore();
  const calls: (readonly [string, number])[] = [];
  const item = { channel: 'a', bytes: Buffer.from('x'), keep: ALL };
  store.append([item, item], (first) => {
    store.append([item], (nested) => calls.push(['nested', nested]));
    calls.push(['outer', first]);
  });
  store.append([], (first) => calls.push(['none', first]));
  assert.deepEqual(calls, [
    ['outer', 1],
    ['nested', 3],
    ['none', 4],
  ]);
});

test('a call that throws is reported, and the others are made', () => {
  const { store, log } = memoryStore();
  const item = { channel: 'a', bytes: Buffer.from('x'), keep: ALL };
  store.append([item], () => {
    throw new Error('of the caller');
  });
  assert.equal(put(store, 'a'), 2);
  assert.equal(log.with('internal error').length, 1);
  assert.equal(store.counters.faults, 1);
});

test('a cursor below what a channel has let go is not recovered, and gets no part', () => {
  const { store } = memoryStore();
  const keep = { ...ALL, items: 2 };
  for (const text of ['1', '2', '3']) put(store, 'a', text, keep);
  put(store, 'b', '4');
  const { recovered, gaps, items, head } = readNow(store, ['a', 'b'], at(store, 0));
  // It has missed the item of `b`, too.
  assert.deepEqual([recovered, gaps, items, head], [false, ['a', 'b'], [], 4]);
  assert.deepEqual(texts(readNow(store, ['a', 'b'], at(store, 1))), ['2', '3', '4']);
  assert.equal(store.counters.itemsBeyondNumber, 1);
  put(store, 'a', '5', keep);
  put(store, 'a', '6', keep);
  assert.deepEqual(readNow(store, ['a', 'b'], at(store, 4)).gaps, []);
  put(store, 'a', '7', keep);
  assert.deepEqual(readNow(store, ['b', 'a'], at(store, 4)).gaps, ['a'], 'it has all of `b`');
});

test('forged, old and future cursors are not recovered, whatever channels they are for', () => {
  const { store } = memoryStore();
  for (let i = 0; i < 3; i++) put(store, 'a');
  const other = new MemoryStore({ maxBytes: 65_536, log: new FakeLog() });
  assert.notEqual(other.epoch, store.epoch);
  assert.match(store.epoch, /^[A-Za-z0-9]+$/);
  for (const cursor of [
    LOST_CURSOR,
    at(other, 1),
    at(store, 4),
    at(store, Number.MAX_SAFE_INTEGER),
    { epoch: `${store.epoch}0`, number: 1 },
  ]) {
    const { recovered, gaps, items } = readNow(store, ['a', 'unknown'], cursor);
    assert.deepEqual([recovered, gaps, items], [false, ['a', 'unknown'], []]);
  }
  assert.equal(readNow(store, ['unknown'], at(store, 0)).recovered, true, 'nothing was published there');
});

test('items go when they are too old, when they are asked for and without that', (t) => {
  const timers = fakeTimers(t, ['setInterval']);
  const { store, time } = memoryStore();
  put(store, 'a', '1', { ...ALL, age: 10 });
  put(store, 'b', '2', { ...ALL, age: 10 });
  time.now += 10_000;
  assert.deepEqual(texts(readNow(store, ['a'], at(store, 0))), ['1']);
  time.now += 1;
  assert.deepEqual(readNow(store, ['a'], at(store, 0)).gaps, ['a']);
  assert.equal(store.counters.itemsBeyondAge, 1);
  timers.tick(1_000);
  assert.deepEqual([store.counters.itemsBeyondAge, store.counters.itemsHeld], [2, 0]);
  assert.deepEqual(readNow(store, ['b'], at(store, 1)).gaps, ['b']);
});

test('a channel keeps no more bytes than it may, and an item larger than that is not kept', () => {
  const { store } = memoryStore();
  const keep = { ...ALL, bytes: 200 };
  for (const text of ['1', '2', '3', '4', '5', '6']) put(store, 'a', text, keep);
  assert.deepEqual(texts(readNow(store, ['a'], null)), ['2', '3', '4', '5', '6'], 'each costs 40 bytes');
  assert.equal(store.counters.itemsBeyondBytes, 1);
  assert.equal(put(store, 'a', 'x'.repeat(200), keep), 7);
  assert.deepEqual(readNow(store, ['a'], at(store, 6)).gaps, ['a'], 'it cannot be sent again');
  assert.equal(readNow(store, ['a'], at(store, 7)).recovered, true);
  assert.deepEqual([store.counters.itemsTooLarge, store.counters.itemsHeld], [1, 0]);
});

test('an item larger than an eighth of the total is not kept', () => {
  const { store } = memoryStore(65_536);
  put(store, 'other', 'kept');
  put(store, 'a', Buffer.alloc(8_100));
  put(store, 'a', Buffer.alloc(8_192));
  assert.equal(store.counters.itemsTooLarge, 1);
  assert.deepEqual(readNow(store, ['a'], at(store, 2)).gaps, ['a']);
  assert.deepEqual(texts(readNow(store, ['other'], at(store, 0))), ['kept']);
  assert.throws(() => memoryStore(65_535), RangeError);
});

test('the last item of a channel is there for those who come', () => {
  const { store } = memoryStore();
  const heard: [string | undefined, number][] = [];
  const hear = (item: KeptItem | null, head: number): void => {
    heard.push([item?.bytes.toString(), head]);
  };
  store.lastOf('a', hear);
  put(store, 'a', '1');
  put(store, 'a', '2');
  put(store, 'b', '3');
  store.lastOf('a', hear);
  store.clear('a');
  store.lastOf('a', hear);
  assert.deepEqual(heard, [
    [undefined, 0],
    ['2', 3],
    [undefined, 3],
  ]);
});

test('a channel lets go of its items up to a number, and cursors below it continue nothing', () => {
  const { store } = memoryStore();
  for (const text of ['1', '2', '3']) put(store, 'a', text);
  store.clear('a', 2);
  assert.deepEqual(texts(readNow(store, ['a'], at(store, 2))), ['3']);
  assert.deepEqual(readNow(store, ['a'], at(store, 1)).gaps, ['a']);
  store.clear('a', 1);
  assert.deepEqual(texts(readNow(store, ['a'], at(store, 2))), ['3']);
  store.clear('a', 3);
  assert.deepEqual(readNow(store, ['a'], at(store, 2)).gaps, ['a']);
  assert.equal(readNow(store, ['a'], at(store, 3)).recovered, true);
});

test('the span of a channel says what is kept', () => {
  const { store, time } = memoryStore();
  put(store, 'a', '1');
  time.now++;
  put(store, 'a', '2');
  const spans: unknown[] = [];
  store.span('a', (span) => spans.push(span));
  store.clear('a');
  store.span('a', (span) => spans.push(span));
  const none = { first: 0, last: 0, items: 0, bytes: 0, oldest: null };
  assert.deepEqual(spans, [{ first: 1, last: 2, items: 2, bytes: 80, oldest: 1_000_000 }, none]);
  store.span('unknown', (span) => assert.deepEqual(span, none));
});

test('limits cut an answer, which says from where the next query goes on', () => {
  const { store } = memoryStore();
  for (let i = 1; i <= 5; i++) put(store, i % 2 === 0 ? 'a' : 'b', `${i}`.repeat(10));
  const pages: (readonly [string[], number, boolean])[] = [];
  const page = (result: ReadResult): void => {
    pages.push([texts(result).map((text) => text[0] ?? ''), result.head, result.more]);
  };
  const channels = ['a', 'b'];
  store.read({ channels, after: at(store, 0), limit: 2 }, page);
  store.read({ channels, after: at(store, 2), limitBytes: 512 }, page);
  store.read({ channels, after: at(store, 4), limitBytes: 1 }, page);
  store.read({ channels, after: null, limit: 2, reverse: true }, page);
  assert.deepEqual(pages, [
    [['1', '2'], 2, true],
    [['3', '4'], 4, true],
    [['5'], 5, false],
    [['5', '4'], 4, true],
  ]);
});

test('rules that change leave no hole: what they do not keep goes, and unknown channels start anew', async () => {
  const { store } = memoryStore();
  store.setRules('all', () => ALL);
  put(store, 'a', '1');
  put(store, 'a', '2');
  put(store, 'b', '3');
  store.setRules('only a', (channel) => (channel === 'a' ? { ...ALL, items: 1 } : null));
  // Items of `b` and `c` would not be kept now; before the next rules they are gone, though no turn has passed.
  store.setRules('all', () => ALL);
  assert.deepEqual(readNow(store, ['a', 'b', 'c'], at(store, 2)).gaps, ['b', 'c']);
  assert.deepEqual(readNow(store, ['a'], at(store, 0)).gaps, ['a']);
  await turn();
  const { head } = store;
  assert.deepEqual(
    readNow(store, ['a', 'b', 'c'], at(store, 3)).gaps,
    ['b', 'c'],
    'it had the last item before the changes',
  );
  put(store, 'c', '4');
  assert.deepEqual(texts(readNow(store, ['a', 'b', 'c'], at(store, head))), ['4']);
  store.setRules('all', () => ALL);
  assert.equal(readNow(store, ['new'], at(store, head)).recovered, true, 'the same rules change nothing');
  store.trim('a', { ...ALL, bytes: 1 });
  store.trim('unknown', ALL);
  store.clear('unknown');
  assert.equal(readNow(store, ['a'], at(store, 1)).recovered, false);
  assert.equal(readNow(store, ['a'], at(store, 2)).recovered, true);
  await store.stop();
});

test('pages lead back from the newest item, each before the last one of the page before', () => {
  const { store } = memoryStore();
  for (const text of ['1', '2', '3', '4', '5']) put(store, 'a', text);
  const pages: string[][] = [];
  let before: number | undefined;
  for (let more = true; more; ) {
    store.read({ channels: ['a'], after: null, before, reverse: true, limit: 2 }, (result) => {
      pages.push(texts(result));
      before = result.head;
      more = result.more;
    });
  }
  assert.deepEqual(pages, [['5', '4'], ['3', '2'], ['1']]);
});

test('the names of channels with items are told, by prefix', async () => {
  const { store } = memoryStore();
  for (const name of ['a', 'b.1', 'b.2', 'c']) put(store, name, 'x');
  store.clear('b.1');
  const names = (prefix: string) => new Promise((resolve) => store.names(prefix, resolve));
  assert.deepEqual([await names(''), await names('b.'), await names('d')], [['a', 'b.2', 'c'], ['b.2'], []]);
});
