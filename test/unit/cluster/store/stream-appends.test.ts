import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { TimerWheel } from '../../../../src/clock/index.ts';
import { GIVE_UP, StreamAppends } from '../../../../src/cluster/store/stream-appends.ts';
import { Subjects } from '../../../../src/cluster/subjects.ts';
import { ClusterCounters } from '../../../../src/exchange/index.ts';
import { HistoryCounters } from '../../../../src/history/index.ts';
import { FakeBroker } from '../../../support/cluster/fake-broker.ts';
import { FakeLog } from '../../../support/fake-log.ts';
import { manualClock } from '../../../support/manual-clock.ts';
import { KEEP } from '../support.ts';

function rigOf(t: TestContext, window = 120_000) {
  const advance = manualClock(t);
  const wheel = new TimerWheel();
  t.after(() => wheel.stop());
  const [broker, log, counters, clusterCounters] = [
    new FakeBroker(),
    new FakeLog(),
    new HistoryCounters(),
    new ClusterCounters(),
  ];
  const faults: unknown[] = [];
  const kept: string[] = [];
  let refused = 0;
  let stalls = 0;
  const appends: StreamAppends = new StreamAppends(
    {
      broker: broker.asBroker,
      subjects: new Subjects('p'),
      protocol: { version: 1 },
      wheel,
      log,
      window: () => window,
      counters,
      clusterCounters,
      owner: { onFault: (thrown) => faults.push(thrown) },
    },
    {
      onAcked: () => appends.settle(),
      onRefused: () => refused++,
      onKept: (subject, number) => kept.push(`${subject} ${number}`),
      onStalled: () => stalls++,
    },
  );
  return {
    advance,
    appends,
    broker,
    log,
    counters,
    clusterCounters,
    faults,
    kept,
    refused: () => refused,
    stalls: () => stalls,
    append: (stored: (numbers: readonly number[]) => void, ...texts: string[]): void =>
      appends.append(
        texts.map((text) => ({ channel: 'x', id: null, bytes: Buffer.from(text), keep: KEEP })),
        stored,
      ),
    ack: (index: number, ack: object | null): void =>
      broker.send(broker.published[index]?.reply ?? '', ack === null ? '' : JSON.stringify(ack)),
  };
}

test('appends are told their numbers in their order, whichever acknowledgement comes first', (t) => {
  const { append, ack, appends, broker, counters } = rigOf(t);
  const told: string[] = [];
  append((numbers) => told.push(`a ${numbers}`), '1', '2');
  append((numbers) => told.push(`b ${numbers}`), '3');
  append((numbers) => told.push(`barrier ${numbers.length}`));
  assert.deepEqual(
    broker.published.map(({ subject, text }) => `${subject} ${text}`),
    ['p.h.x \x011', 'p.h.x \x012', 'p.h.x \x013'],
  );
  assert.equal(appends.cost, 3 * 256);
  ack(2, { seq: 12 });
  ack(1, { seq: 11 });
  assert.deepEqual(told, []);
  ack(0, { seq: 9, duplicate: true });
  assert.deepEqual(told, ['a 9,11', 'b 12', 'barrier 0']);
  assert.deepEqual([appends.cost, appends.idle, appends.last, counters.itemsAppended], [0, true, 12, 2]);
});

test('a broker that loses one item and keeps others has not stalled, and one that keeps none for 3 s has', (t) => {
  const { append, ack, advance, broker, stalls } = rigOf(t);
  append(() => {}, 'lost');
  for (let seq = 1; seq <= 4; seq++) {
    append(() => {}, 'kept');
    ack(broker.published.length - 1, { seq });
    advance(1);
  }
  assert.deepEqual([stalls(), broker.published.length], [0, 5]);
  advance(1);
  assert.deepEqual([stalls(), broker.published.at(-1)?.id], [0, broker.published[0]?.id]);
  advance(1);
  assert.ok(stalls() > 0);
});

test('an item without an acknowledgement, or that is refused, is sent again as the same one', (t) => {
  const { append, ack, advance, appends, broker, refused } = rigOf(t);
  let told: readonly number[] = [];
  append(
    (numbers) => {
      told = numbers;
    },
    '1',
    '2',
  );
  ack(0, { error: { description: 'no space' } });
  assert.equal(refused(), 1);
  assert.equal(appends.refusedBy, 'no space');
  advance(1);
  assert.equal(broker.published.length, 3);
  ack(2, { seq: 5 });
  assert.equal(appends.refusedBy, null);
  advance(5);
  assert.equal(broker.published.length, 4);
  const ids = broker.published.map(({ id }) => id);
  assert.deepEqual([ids[2], ids[3]], [ids[0], ids[1]]);
  assert.notEqual(ids[0], ids[1]);
  ack(3, { seq: 6 });
  assert.deepEqual(told, [5, 6]);
  ack(1, { seq: 6 });
  assert.deepEqual(told, [5, 6]);
});

test('what nobody has acknowledged is sent again in its order when the broker is back', (t) => {
  const { append, ack, appends, broker } = rigOf(t);
  broker.up = false;
  append(() => {}, '1', '2', '3');
  assert.equal(broker.published.length, 0);
  broker.up = true;
  appends.again();
  ack(1, { seq: 2 });
  appends.again();
  assert.deepEqual(
    broker.published.map(({ text }) => text.slice(1)),
    ['1', '2', '3', '1', '3'],
  );
});

for (const [window, seconds] of [
  [120_000, GIVE_UP / 1_000],
  [20_000, 10],
] as const) {
  test(`an item is given up after ${seconds} s, and counted, where its id is known for ${window / 1_000} s`, (t) => {
    const { append, advance, clusterCounters, broker, log } = rigOf(t, window);
    let told: readonly number[] | null = null;
    broker.up = false;
    append((numbers) => {
      told = numbers;
    }, '1');
    advance(seconds - 1);
    assert.equal(told, null);
    advance(2);
    assert.deepEqual(told, [0]);
    assert.equal(clusterCounters.itemsUnsent, 1);
    assert.equal(log.with('item is lost: the broker has not kept it in time').length, 1);
  });
}

test('what a caller throws is handled by the owner, and others are told', (t) => {
  const { append, ack, faults } = rigOf(t);
  let told = 0;
  append(() => {
    throw new Error('caller');
  }, '1');
  append(() => told++, '2');
  ack(1, { seq: 2 });
  ack(0, { seq: 1 });
  assert.equal(told, 1);
  assert.equal(faults.length, 1);
});

test('a malformed acknowledgement does not end the wait for one', (t) => {
  const { append, ack, broker, appends, faults } = rigOf(t);
  const told: unknown[] = [];
  append((numbers) => told.push(numbers), '1');
  broker.send(broker.published[0]?.reply ?? '', '{');
  assert.deepEqual([told, appends.refusedBy], [[], 'its answer is not understood']);
  ack(0, { seq: 1 });
  assert.deepEqual([told.length, appends.refusedBy, faults], [1, null, []]);
});

test('appends behind one that is held wait until it is released', (t) => {
  const { append, appends } = rigOf(t);
  let told = 0;
  const release = appends.hold();
  append(() => told++);
  assert.equal(told, 0);
  release();
  assert.equal(told, 1);
});

test('a store that stops waits for acknowledgements', async (t) => {
  const { append, ack, appends, broker } = rigOf(t);
  append(() => {}, '1');
  const stopped = appends.stop();
  ack(0, { seq: 1 });
  await stopped;
  assert.deepEqual(broker.subscribed, []);
});

test('a store that stops while the broker is away waits for nothing, and says what is lost', async (t) => {
  const { appends, append, broker, clusterCounters, log } = rigOf(t);
  append(() => {}, 'a', 'b');
  broker.up = false;
  await appends.stop();
  assert.equal(clusterCounters.itemsUnsent, 2);
  assert.equal((await log.heard('items are lost: the broker has not said that it keeps them')).items, 2);
});

test('an item is lost that is too large for the server that is used now, and the others go on', async (t) => {
  const { appends, append, broker, ack, clusterCounters, log } = rigOf(t);
  const numbers: number[] = [];
  append((stored) => numbers.push(...stored), 'x'.repeat(5_000), 'small');
  broker.maxPayload = 4_096;
  appends.again();
  assert.equal(broker.published.length, 3);
  ack(2, { seq: 7 });
  assert.deepEqual(numbers, [0, 7]);
  assert.equal(clusterCounters.itemsUnsent, 1);
  assert.equal(log.with('item is too large for the broker').length, 1);
});
