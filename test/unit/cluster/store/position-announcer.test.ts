import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { TimerWheel } from '../../../../src/clock/index.ts';
import {
  MAX_ANNOUNCEMENT,
  MAX_ANNOUNCERS,
  type Position,
  PositionAnnouncer,
} from '../../../../src/cluster/store/position-announcer.ts';
import { Subjects } from '../../../../src/cluster/subjects.ts';
import { ClusterCounters } from '../../../../src/exchange/index.ts';
import { type BusConnection, NodeBus } from '../../../support/cluster/node-bus.ts';
import { manualClock } from '../../../support/manual-clock.ts';

const SUBJECTS = new Subjects('t');

/** A node that announces positions, and hears those of others. */
interface Announcing {
  readonly connection: BusConnection;
  readonly announcer: PositionAnnouncer;
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
  const join = (): Announcing => {
    const connection = bus.connect();
    const counters = new ClusterCounters();
    const owner = {
      onFault: (thrown: unknown): void => {
        throw thrown;
      },
    };
    const heard: Position[] = [];
    const announcer = new PositionAnnouncer(
      { broker: connection, subjects: SUBJECTS, wheel, clusterCounters: counters, owner },
      { onPositions: (positions) => heard.push(...positions), onDoubt: () => own.doubts++ },
    );
    const note = (channel: string, number: number): void => announcer.note(SUBJECTS.kept(channel) ?? '', number);
    const own: Announcing = { connection, announcer, heard, counters, doubts: 0, note };
    return own;
  };
  return { advance, bus, join };
}

test('a node announces the highest number of each channel that it has appended to, whatever the channel is called', (t) => {
  const { advance, join } = rigOf(t);
  const [a, b] = [join(), join()];
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

test('a node that has nothing more to announce says so a few times, and then is silent', (t) => {
  const { advance, join } = rigOf(t);
  const [a, b] = [join(), join()];
  a.note('news', 1);
  for (let times = 0; times < 10; times++) advance(2.2);
  assert.equal(a.connection.sent.length, 4);
  assert.deepEqual(b.heard, [['news', 1]]);
});

test('an announcement that got lost is noticed by the next one, even if that has no numbers', (t) => {
  const { advance, join } = rigOf(t);
  const [a, b] = [join(), join()];
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
  const { advance, join } = rigOf(t);
  const [a, b] = [join(), join()];
  a.note('news', 1);
  advance(2.2);
  b.connection.reads = false;
  advance(2.2);
  b.connection.reads = true;
  b.announcer.restart();
  advance(2.2);
  assert.equal(b.doubts, 0);
});

test('an announcement has 256 KB at most: what is more is announced at once', (t) => {
  const { advance, join } = rigOf(t);
  const [a, b] = [join(), join()];
  const name = 'x'.repeat(900);
  for (let number = 1; number <= 1_000; number++) a.note(`${name}${number}`, number);
  assert.equal(a.connection.sent.length, 3);
  advance(2.2);
  assert.equal(b.heard.length, 1_000);
  assert.equal(b.doubts, 0);
  assert.equal(b.counters.messagesInvalid, 0);
  for (const { data } of a.connection.sent) assert.ok(data.length <= MAX_ANNOUNCEMENT);
  const largest = Math.max(...a.connection.sent.map(({ data }) => data.length));
  assert.ok(largest > MAX_ANNOUNCEMENT / 2);
});

test('a broker that takes smaller messages gets smaller announcements', (t) => {
  const { bus, join } = rigOf(t);
  const a = join();
  bus.maxPayload = 4_096;
  for (let number = 1; number <= 100; number++) a.note(`channel${number}`, number);
  for (const { data } of a.connection.sent) assert.ok(data.length <= 2_048);
  assert.ok(a.connection.sent.length > 1);
});

test('messages that no node has sent are counted and ignored', (t) => {
  const { bus, join } = rigOf(t);
  const a = join();
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
      { padding: 'x'.repeat(MAX_ANNOUNCEMENT) },
    ].map((change) => JSON.stringify({ ...valid, ...change })),
  ];
  for (const message of invalid) bus.pass(null, SUBJECTS.control('positions'), Buffer.from(message));
  assert.equal(a.counters.messagesInvalid, invalid.length);
  assert.deepEqual(a.heard, []);
  bus.pass(null, SUBJECTS.control('positions'), Buffer.from(JSON.stringify(valid)));
  assert.deepEqual(a.heard, [['news', 1]]);
});

test('when too many nodes announce something all are forgotten, and everything is in doubt', (t) => {
  const { bus, join } = rigOf(t);
  const a = join();
  const announce = (from: string, count: number): void =>
    bus.pass(
      null,
      SUBJECTS.control('positions'),
      Buffer.from(JSON.stringify({ protocol: 1, oldest: 1, from, count, last: [] })),
    );
  for (let node = 0; node < MAX_ANNOUNCERS; node++) announce(`n${node}`, 1);
  announce('n0', 2);
  assert.equal(a.doubts, 0);
  announce('other', 1);
  assert.equal(a.doubts, 1);
  announce('n1', 9);
  assert.equal(a.doubts, 1);
  announce('other', 3);
  assert.equal(a.doubts, 2);
});
