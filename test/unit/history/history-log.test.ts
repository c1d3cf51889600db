import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { MemoryStore } from '../../../src/history/index.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { ALL, HistoryModel } from '../../support/history/history-model.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { at, memoryStore, put, readNow, texts } from './support.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes that the process has in use. */
function inUse(): number {
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

test('any appends, trims and reads come out as in a plain model', async (t) => {
  const random = seededRandom(t);
  const names = ['', 'a', 'b'.repeat(50), 'ü', 'orders.1', 'orders.2'];
  for (let round = 0; round < 20; round++) {
    const store = new MemoryStore({ maxBytes: 8_388_608, log: new FakeLog(), now: () => model.now });
    const model: HistoryModel = new HistoryModel(random.fork(), store);
    for (let step = 0; step < 200; step++) {
      const name = random.pick(names);
      const keep = {
        items: random.pick([1, 2, 10, Number.POSITIVE_INFINITY]),
        age: random.pick([1, 5, Number.POSITIVE_INFINITY]),
        bytes: random.pick([2_000, Number.POSITIVE_INFINITY]),
      };
      model.now += random.below(500);
      const chance = random.below(20);
      if (chance === 0) model.trim(name, keep);
      else if (chance === 1) model.clear(name);
      else await model.publish(names, keep, random.below(5));
      model.checkExact(
        names.filter(() => random.below(2) === 0),
        model.randomCursor(),
      );
    }
    await store.stop();
  }
});

test('under a small total an answer is complete or none, and the bound holds', async (t) => {
  const random = seededRandom(t);
  const names = Array.from({ length: 60 }, (_, i) => `channel ${i}`);
  for (const largest of [20, 300, 5_000, 9_000]) {
    const maxBytes = 65_536 + random.below(200_000);
    const store = new MemoryStore({ maxBytes, log: new FakeLog(), now: () => model.now });
    const model: HistoryModel = new HistoryModel(random.fork(), store);
    let recovered = 0;
    for (let step = 0; step < 1_500; step++) {
      await model.publish(names.slice(0, 1 + random.below(60)), ALL, random.below(4), largest);
      assert.ok(store.counters.bytesHeld <= maxBytes, `${store.counters.bytesHeld} of ${maxBytes} bytes`);
      const number = Math.max(0, store.head - random.below(100));
      const name = random.below(59);
      if (model.checkSound([names[name] ?? '', names[name + 1] ?? ''], at(store, number))) recovered++;
    }
    const { itemsBeyondTotal } = store.counters;
    assert.ok(itemsBeyondTotal > 0);
    assert.ok(recovered > 100, `${recovered} recovered with items of up to ${largest} bytes`);
    await store.stop();
  }
});

test('the channels that were used longest ago go first, and one floor stands for all that are gone', () => {
  const { store } = memoryStore(262_144);
  put(store, 'read', 'kept');
  put(store, 'unread', 'goes');
  const after = at(store, 0);
  while (store.counters.channelsEvicted < 10) {
    put(store, `crowd ${store.last}`, 'x'.repeat(100));
    assert.deepEqual(texts(readNow(store, ['read'], after)), ['kept']);
  }
  assert.deepEqual(readNow(store, ['unread'], after).gaps, ['unread']);
  assert.deepEqual(readNow(store, ['never'], after).gaps, ['never'], 'it might be one of those');
  assert.equal(readNow(store, ['never'], at(store, store.head)).recovered, true);
});

test('the only channel loses its oldest items first', () => {
  const { store } = memoryStore(65_536);
  for (let i = 0; i < 5_000; i++) put(store, 'a', `${i}`);
  const result = readNow(store, ['a'], null);
  assert.equal(result.items.at(-1)?.number, 5_000);
  assert.ok(result.items.length > 200, `${result.items.length} items are left`);
  assert.deepEqual(store.counters.itemsHeld, result.items.length);
});

test('what is not needed any more does not stay in memory beside what is kept for long', () => {
  const { store } = memoryStore(67_108_864);
  const bytes = Buffer.alloc(1_000);
  put(store, 'kept', 'for long');
  // 50 MB go through, of which 10 KB are kept.
  for (let i = 0; i < 50_000; i++) {
    put(store, 'hot', bytes, { ...ALL, items: 10 });
    if (i % 500 === 0) put(store, `kept ${i}`, 'for long');
  }
  assert.ok(store.counters.bytesHeld < 5 * 1_048_576, `${store.counters.bytesHeld} bytes`);
  assert.deepEqual(texts(readNow(store, ['kept', 'kept 500'], at(store, 0))), ['for long', 'for long']);
});

test('100,000 channels of one item each stay within a small total, also in the memory of the process', () => {
  const before = inUse();
  const { store } = memoryStore(8_388_608);
  for (let i = 0; i < 100_000; i++) put(store, `channel of a user with the number ${i}`, 'x'.repeat(100));
  const held = inUse() - before;
  assert.ok(store.counters.bytesHeld <= 8_388_608);
  assert.ok(held < 8_388_608 * 1.25, `${held} bytes`);
  assert.ok(store.counters.channelsHeld > 5_000, `${store.counters.channelsHeld} channels`);
  assert.equal(store.counters.channelsHeld + store.counters.channelsEvicted, 100_000);
});

test('what has to go for new items goes little by little, however large the total is', () => {
  for (const maxBytes of [4_194_304, 33_554_432]) {
    const { store } = memoryStore(maxBytes);
    const { counters } = store;
    let largest = 0;
    for (let i = 0; counters.channelsEvicted < maxBytes / 1_000; i++) {
      const before = counters.channelsEvicted;
      put(store, `channel ${i}`, 'x'.repeat(100));
      largest = Math.max(largest, counters.channelsEvicted - before);
      assert.ok(counters.bytesHeld <= maxBytes);
    }
    assert.ok(largest <= 5, `${largest} channels went at once`);
  }
});

test('a channel is charged what it takes', () => {
  const before = inUse();
  const { store } = memoryStore(134_217_728);
  for (let i = 0; i < 100_000; i++) put(store, `channel of a user with the number ${i}`, 'x'.repeat(100));
  const held = inUse() - before;
  assert.equal(store.counters.channelsHeld, 100_000);
  assert.ok(held < store.counters.bytesHeld, `${held} of ${store.counters.bytesHeld} bytes`);
});

test('an item takes at most 100 bytes above its content', (t) => {
  const before = inUse();
  const { store } = memoryStore(268_435_456);
  const [channels, items, size] = [100, 200_000, 200];
  const content = Buffer.alloc(size, 'x');
  for (let i = 0; i < items; i++) put(store, `orders.customer.${i % channels}`, content);
  const above = (inUse() - before) / items - size;
  t.diagnostic(`${above.toFixed(1)} bytes`);
  assert.equal(store.counters.itemsHeld, items);
  assert.ok(above <= 100, `${above} bytes`);
  assert.ok(store.counters.bytesHeld / items - size <= 100);
});

test('the same where each channel keeps its last 100 items and many went through', (t) => {
  const before = inUse();
  const { store } = memoryStore(268_435_456);
  const [channels, size] = [1_000, 200];
  const content = Buffer.alloc(size, 'x');
  for (let i = 0; i < 1_000_000; i++) {
    put(store, `orders.customer.${i % channels}`, content, { ...ALL, items: 100 });
  }
  const each = (inUse() - before) / store.counters.itemsHeld;
  t.diagnostic(`${(each - size).toFixed(1)} bytes`);
  assert.equal(store.counters.itemsHeld, channels * 100);
  assert.ok(each - size <= 100, `${each} bytes`);
});
