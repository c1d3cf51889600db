import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { TimerWheel } from '../../../src/clock/index.ts';
import { MAX_TELLING, type Position, PositionNews } from '../../../src/cluster/position-news.ts';
import { Subjects } from '../../../src/cluster/subjects.ts';
import { ClusterCounters } from '../../../src/exchange/index.ts';
import { type BusConnection, NodeBus } from '../../support/cluster/node-bus.ts';
import { manualClock } from '../../support/manual-clock.ts';

const SUBJECTS = new Subjects('t');

/** A node that tells and hears positions. */
interface Teller {
  readonly connection: BusConnection;
  readonly news: PositionNews;
  readonly heard: Position[];
  readonly counters: ClusterCounters;
  doubts: number;
  note(channel: string, number: number): void;
}

function rigOf(t: TestContext) {
  const advance = manualClock(t);
  const wheel = new TimerWheel();
  t.after(() => wheel.stop());
  const bus = new NodeBus();
  const teller = (): Teller => {
    const connection = bus.connect();
    const counters = new ClusterCounters();
    const owner = {
      onFault: (thrown: unknown): void => {
        throw thrown;
      },
    };
    const heard: Position[] = [];
    const news = new PositionNews(
      { broker: connection, subjects: SUBJECTS, wheel, clusterCounters: counters, owner },
      { onPositions: (positions) => heard.push(...positions), onDoubt: () => own.doubts++ },
    );
    const note = (channel: string, number: number): void => news.note(SUBJECTS.kept(channel) ?? '', number);
    const own: Teller = { connection, news, heard, counters, doubts: 0, note };
    return own;
  };
  return { advance, bus, teller };
}

test('a node tells the highest number of each channel that it has appended to, whatever the channel is called', (t) => {
  const { advance, teller } = rigOf(t);
  const [a, b] = [teller(), teller()];
  const names = ['news', '"ä b\n', ''];
  for (const name of names) a.note(name, 7);
  a.note('news', 9);
  a.note('news', 8);
  assert.deepEqual(b.heard, []);
  advance(2.2);
  assert.deepEqual(b.heard, [
    ['news', 9],
    ['"ä b\n', 7],
    ['', 7],
  ]);
  assert.deepEqual(a.heard, b.heard);
  assert.equal(b.doubts, 0);
});

test('a node that has nothing to tell any more tells that a few times, and then is silent', (t) => {
  const { advance, teller } = rigOf(t);
  const [a, b] = [teller(), teller()];
  a.note('news', 1);
  for (let times = 0; times < 10; times++) advance(2.2);
  assert.equal(a.connection.sent.length, 4);
  assert.deepEqual(b.heard, [['news', 1]]);
});

test('a telling that got lost is noticed by the next one, even if that has no numbers', (t) => {
  const { advance, teller } = rigOf(t);
  const [a, b] = [teller(), teller()];
  a.note('news', 1);
  advance(2.2);
  b.connection.reads = false;
  a.note('news', 2);
  advance(2.2);
  b.connection.reads = true;
  assert.equal(b.doubts, 0);
  advance(2.2);
  assert.equal(b.doubts, 1);
  advance(2.2);
  assert.equal(b.doubts, 1);
});

test('what a node has missed while it had no broker is not in doubt: it reads everything again', (t) => {
  const { advance, teller } = rigOf(t);
  const [a, b] = [teller(), teller()];
  a.note('news', 1);
  advance(2.2);
  b.connection.reads = false;
  advance(2.2);
  b.connection.reads = true;
  b.news.restart();
  advance(2.2);
  assert.equal(b.doubts, 0);
});

test('a telling has 256 KB at most: what is more is told at once', (t) => {
  const { advance, teller } = rigOf(t);
  const [a, b] = [teller(), teller()];
  const name = 'x'.repeat(900);
  for (let number = 1; number <= 1_000; number++) a.note(`${name}${number}`, number);
  assert.equal(a.connection.sent.length, 3);
  advance(2.2);
  assert.equal(b.heard.length, 1_000);
  assert.equal(b.doubts, 0);
  assert.equal(b.counters.messagesInvalid, 0);
  for (const { data } of a.connection.sent) assert.ok(data.length <= MAX_TELLING);
  const largest = Math.max(...a.connection.sent.map(({ data }) => data.length));
  assert.ok(largest > MAX_TELLING / 2);
});

test('a broker that takes smaller messages gets smaller tellings', (t) => {
  const { bus, teller } = rigOf(t);
  const a = teller();
  bus.maxPayload = 4_096;
  for (let number = 1; number <= 100; number++) a.note(`channel${number}`, number);
  for (const { data } of a.connection.sent) assert.ok(data.length <= 2_048);
  assert.ok(a.connection.sent.length > 1);
});

test('messages that no node has sent are counted and ignored', (t) => {
  const { bus, teller } = rigOf(t);
  const a = teller();
  const valid = { protocol: 1, oldest: 1, from: 'node', count: 1, last: ['t.h.news', 1] };
  const invalid = [
    '',
    'x',
    '[]',
    ...[
      { protocol: 0 },
      { protocol: 'x' },
      { oldest: 9 },
      { from: 'a b' },
      { count: 0 },
      { count: 1.5 },
      { last: 'x' },
      { last: ['t.h.news'] },
      { last: [1, 't.h.news'] },
      { last: ['t.h.news', -1] },
      { padding: 'x'.repeat(MAX_TELLING) },
    ].map((change) => JSON.stringify({ ...valid, ...change })),
  ];
  for (const message of invalid) bus.pass(null, SUBJECTS.control('positions'), Buffer.from(message));
  assert.equal(a.counters.messagesInvalid, invalid.length);
  assert.deepEqual(a.heard, []);
  bus.pass(null, SUBJECTS.control('positions'), Buffer.from(JSON.stringify(valid)));
  assert.deepEqual(a.heard, [['news', 1]]);
});
