import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { encodeItem } from '../../../src/codec/grip/index.ts';
import type { HeaderList } from '../../../src/exchange/index.ts';
import { type ChannelSpan, type HistoryStore, MemoryStore } from '../../../src/history/index.ts';
import { emptyItem, textMessage } from '../../../src/hub/index.ts';
import { type PostedEvents, type Webhook, WebhookCounters, Webhooks } from '../../../src/webhooks/index.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { fakeTimers } from '../../support/fake-timers.ts';

const KEY = Buffer.alloc(32, 7);

const HOOK: Webhook = {
  url: 'http://app.test/hook?token=hidden',
  secret: `whsec_${KEY.toString('base64')}`,
  queue: '$webhook.a',
  retryTime: 60_000,
};

interface Sent {
  readonly url: string;
  readonly fields: Readonly<Record<string, string>>;
  readonly body: string;
  /** The names of its events. */
  readonly events: readonly string[];
  answer(posted: Partial<PostedEvents>): void;
}

/** Webhooks on a stopped clock, whose receivers answer as the test says. */
class HooksRig {
  readonly counters = new WebhookCounters();
  readonly log = new FakeLog();
  readonly sent: Sent[] = [];
  readonly hooks: Webhooks;
  store: HistoryStore | null;
  readonly keep = { items: 1_000, age: Infinity, bytes: Infinity };
  now = 1_000_000;
  /** A URL for which posting throws. */
  failing: string | null = null;
  readonly #tick: (ms: number) => void;

  constructor(t: TestContext, webhooks: readonly Webhook[] = [HOOK]) {
    const timers = fakeTimers(t, ['setInterval']);
    this.#tick = (ms) => timers.tick(ms);
    t.mock.method(performance, 'now', () => this.now);
    t.mock.method(Date, 'now', () => this.now);
    t.mock.method(Math, 'random', () => 0);
    this.store = new MemoryStore({ maxBytes: 4_194_304, log: this.log, now: () => this.now });
    const post = {
      post: (url: string, headers: HeaderList, body: Buffer, done: (posted: PostedEvents) => void) => {
        if (url === this.failing) throw new Error('defect');
        const fields: Record<string, string> = {};
        for (let i = 0; i < headers.length; i += 2) fields[headers[i] as string] = headers[i + 1] as string;
        const text = String(body);
        const events = JSON.parse(text).data.events.map(({ event }: { event: string }) => event);
        const answer = (posted: Partial<PostedEvents>): void =>
          done({ status: 0, retryAfter: 0, reason: '', ...posted });
        this.sent.push({ url, fields, body: text, events, answer });
      },
    };
    this.hooks = new Webhooks({ post, counters: this.counters, log: this.log }, () => this.store);
    this.hooks.use(webhooks);
  }

  queue(...names: string[]): void {
    for (const name of names) this.queueTo(HOOK.queue, name);
  }

  queueTo(queue: string, name: string): void {
    const item = { ...emptyItem(queue), wsMessage: textMessage(JSON.stringify({ event: name })) };
    this.store?.append([{ channel: queue, bytes: encodeItem(item), keep: this.keep }], () => {});
  }

  /** Lets time pass, as the clock ticks. */
  advance(ms: number): void {
    for (let passed = 0; passed < ms; passed += 100) {
      this.now += 100;
      this.#tick(100);
    }
  }

  get last(): Sent {
    return this.sent.at(-1) ?? assert.fail('nothing was sent');
  }
}

test('events go in their order, together, signed as Standard Webhooks say', (t) => {
  const rig = new HooksRig(t);
  rig.queue('a', 'b');
  rig.advance(100);
  rig.queue('c');
  rig.advance(1_000);
  assert.equal(rig.sent.length, 1, 'one request at a time');
  const { url, fields, body, events } = rig.last;
  assert.deepEqual([url, events], [HOOK.url, ['a', 'b']]);
  const { 'webhook-id': id, 'webhook-timestamp': time } = fields;
  assert.equal(time, String(Math.floor((1_000_000 + 100) / 1_000)));
  const expected = createHmac('sha256', KEY).update(`${id}.${time}.${body}`).digest('base64');
  assert.equal(fields['webhook-signature'], `v1,${expected}`);
  assert.equal(JSON.parse(body).type, 'channel.events');
  rig.last.answer({ status: 204 });
  rig.advance(100);
  assert.deepEqual(rig.last.events, ['c']);
  assert.notEqual(rig.last.fields['webhook-id'], id);
  rig.last.answer({ status: 200 });
  rig.advance(1_000);
  assert.equal(rig.sent.length, 2);
  assert.deepEqual([rig.counters.eventsDelivered, rig.counters.eventsHeld], [3, 0]);
});

test('what is not taken is sent again with the same id, after longer and longer times', (t) => {
  const rig = new HooksRig(t, [{ ...HOOK, retryTime: 600_000 }]);
  rig.queue('a');
  rig.advance(100);
  const times = [rig.now];
  for (const status of [500, 0, 301, 404]) {
    rig.last.answer({ status, reason: 'refused' });
    rig.queue('later');
    const count = rig.sent.length;
    while (rig.sent.length === count) rig.advance(100);
    times.push(rig.now);
  }
  const pauses = times.slice(1).map((time, i) => time - (times[i] as number));
  assert.deepEqual(pauses, [1_000, 2_000, 4_000, 8_000]);
  assert.equal(new Set(rig.sent.map(({ fields }) => fields['webhook-id'])).size, 1);
  assert.equal(new Set(rig.sent.map(({ body }) => body)).size, 1);
  rig.last.answer({ status: 429, retryAfter: 100 });
  const count = rig.sent.length;
  rig.advance(99_000);
  assert.equal(rig.sent.length, count, 'the receiver has asked to wait');
  rig.advance(2_000);
  rig.last.answer({ status: 200 });
  rig.advance(100);
  assert.deepEqual(rig.last.events, ['later', 'later', 'later', 'later']);
  assert.equal(rig.counters.requestsFailed, 5);
  const [line] = rig.log.of('a webhook was not taken');
  assert.equal(line?.webhook, 'http://app.test/hook?token=redacted');
});

test('events that nobody takes in time are dropped, counted and logged, and later ones go on', (t) => {
  const rig = new HooksRig(t);
  rig.queue('old');
  rig.advance(30_000);
  rig.last.answer({});
  rig.queue('new');
  while (rig.counters.eventsDropped === 0) {
    const count = rig.sent.length;
    while (rig.sent.length === count) rig.advance(100);
    assert.deepEqual(rig.last.events, ['old']);
    rig.last.answer({ status: 503 });
  }
  assert.equal(rig.log.with('events of a webhook are dropped').length, 1);
  const count = rig.sent.length;
  while (rig.sent.length === count) rig.advance(100);
  assert.deepEqual(rig.last.events, ['new']);
  rig.last.answer({ status: 200 });
  assert.deepEqual([rig.counters.eventsDropped, rig.counters.eventsDelivered], [1, 1]);
});

test('a receiver that is gone gets nothing more until its webhook changes', (t) => {
  const rig = new HooksRig(t);
  rig.queue('a');
  rig.advance(100);
  rig.last.answer({ status: 410 });
  rig.queue('b');
  rig.advance(5_000);
  assert.deepEqual([rig.sent.length, rig.counters.eventsDropped], [1, 2]);
  assert.equal(rig.log.at('error').length, 1);
  rig.hooks.use([{ ...HOOK, retryTime: 61_000 }]);
  rig.queue('c');
  rig.advance(200);
  assert.deepEqual(rig.last.events, ['c']);
});

test('a store for which too many wait is asked again what was taken, and nothing is sent before', (t) => {
  const rig = new HooksRig(t);
  const store = rig.store as HistoryStore;
  // What was taken is in the store again, as after a crash.
  t.mock.method(store, 'clear', () => {});
  rig.queue('a');
  rig.advance(100);
  rig.last.answer({ status: 200 });
  const next = new HooksRig(t);
  next.store = store;
  const { lastOf } = store;
  let refused = 0;
  store.lastOf = (channel, done) => {
    if (refused++ < 3) done(undefined, store.head);
    else lastOf.call(store, channel, done);
  };
  rig.queue('b');
  next.advance(200);
  assert.deepEqual(next.sent, []);
  next.advance(1_000);
  assert.deepEqual(next.last.events, ['b']);
});

test('a slow receiver delays no other one', (t) => {
  const other = { ...HOOK, url: 'http://other.test/', queue: '$webhook.b' };
  const rig = new HooksRig(t, [HOOK, other]);
  rig.queue('a');
  rig.advance(100);
  for (let i = 0; i < 3; i++) {
    rig.queueTo(other.queue, `b${i}`);
    rig.advance(100);
    assert.deepEqual([rig.last.url, rig.last.events], [other.url, [`b${i}`]]);
    rig.last.answer({ status: 200 });
  }
  assert.equal(rig.counters.eventsDelivered, 3);
});

test('whoever goes on with the store sends what was not taken, and nothing twice that was', (t) => {
  const rig = new HooksRig(t);
  rig.queue('a');
  rig.advance(100);
  rig.last.answer({ status: 200 });
  rig.queue('b');
  rig.advance(100);
  const { store, last: underway } = rig;
  rig.store = null;
  rig.advance(100);
  underway.answer({ status: 200 });
  rig.store = store;
  const next = new HooksRig(t);
  next.store = store;
  next.advance(100);
  assert.deepEqual(next.last.events, ['b'], 'the mark could not be made');
  assert.equal(next.last.fields['webhook-id'], underway.fields['webhook-id']);
  next.last.answer({ status: 200 });
  next.advance(1_000);
  assert.equal(next.sent.length, 1);
});

test('events that the queue has no room for are dropped, counted and logged', (t) => {
  const rig = new HooksRig(t);
  rig.keep.items = 5;
  for (let i = 0; i < 5; i++) rig.queue(`a${i}`);
  rig.advance(100);
  assert.equal(rig.last.events.length, 5);
  for (let i = 0; i < 5; i++) rig.queue(`b${i}`);
  rig.advance(6_000);
  for (let i = 0; i < 3; i++) rig.queue(`c${i}`);
  rig.last.answer({ status: 200 });
  rig.advance(100);
  assert.deepEqual(rig.last.events, ['b3', 'b4', 'c0', 'c1', 'c2']);
  rig.last.answer({ status: 200 });
  assert.ok(rig.counters.eventsDropped >= 1);
  assert.equal(rig.log.with('events of a webhook are dropped').length, 1);
  rig.queue('d');
  rig.advance(100);
  assert.deepEqual(rig.last.events, ['d']);
  assert.equal(rig.log.with('events of a webhook are dropped').length, 1);
});

test('events that leave the store before they are sent are dropped, counted and logged, whatever follows', (t) => {
  const rig = new HooksRig(t);
  rig.queue('a');
  rig.advance(100);
  rig.queue('b', 'c', 'd');
  rig.advance(100);
  assert.equal(rig.counters.eventsHeld, 4);
  // As the store does with the channels that were used longest ago.
  rig.store?.clear(HOOK.queue);
  rig.advance(100);
  assert.deepEqual([rig.counters.eventsDropped, rig.counters.eventsHeld], [3, 1]);
  rig.last.answer({ status: 200 });
  rig.queue('e');
  rig.advance(100);
  assert.deepEqual(rig.last.events, ['e']);
  rig.last.answer({ status: 200 });
  const { eventsDelivered, eventsDropped, eventsHeld } = rig.counters;
  assert.deepEqual([eventsDelivered, eventsDropped, eventsHeld], [2, 3, 0]);
});

test('events leave the queue once they are taken', (t) => {
  const rig = new HooksRig(t);
  const kept = (): number => {
    const spans: ChannelSpan[] = [];
    rig.store?.span(HOOK.queue, (span) => spans.push(span));
    return spans[0]?.items ?? assert.fail('the store has not answered');
  };
  for (let i = 0; i < 150; i++) rig.queue(`e${i}`);
  rig.advance(100);
  assert.equal(kept(), 150);
  rig.last.answer({ status: 200 });
  assert.deepEqual([kept(), rig.counters.eventsHeld], [50, 50]);
  rig.advance(100);
  rig.last.answer({ status: 200 });
  assert.deepEqual([kept(), rig.counters.eventsHeld], [0, 0]);
});

test('however many events wait, those of one request are read', (t) => {
  const rig = new HooksRig(t);
  const { store } = rig;
  assert.ok(store !== null);
  rig.keep.items = 2_000;
  for (let i = 0; i < 3_000; i++) rig.queue(`e${i}`);
  const reads = t.mock.method(store, 'read');
  rig.advance(10_000);
  assert.ok(reads.mock.callCount() > 0);
  for (const {
    arguments: [query],
  } of reads.mock.calls)
    assert.equal(query.limit, 100);
});

test('an exception for one webhook holds up no other one, and it goes on later', (t) => {
  const other = { ...HOOK, url: 'http://other.test/', queue: '$webhook.b' };
  const rig = new HooksRig(t, [HOOK, other]);
  rig.queue('a');
  rig.queueTo(other.queue, 'b');
  rig.failing = HOOK.url;
  rig.advance(500);
  assert.deepEqual(rig.last.events, ['b']);
  assert.equal(rig.counters.faults, 1);
  rig.failing = null;
  rig.advance(1_000);
  assert.deepEqual([rig.last.url, rig.last.events], [HOOK.url, ['a']]);
});

test('after a crash that began a new epoch nothing is taken for lost, and nothing is sent again', (t) => {
  const rig = new HooksRig(t);
  const { store } = rig;
  rig.hooks.use([]);
  rig.queue('a', 'b', 'c', 'd', 'e');
  const mark = { ...emptyItem(`${HOOK.queue}.done`), wsMessage: textMessage('before-2') };
  store?.append([{ channel: mark.channel, bytes: encodeItem(mark), keep: rig.keep }], () => {});
  store?.trim(HOOK.queue, { ...rig.keep, items: 2 });
  rig.hooks.use([HOOK]);
  rig.advance(100);
  assert.deepEqual(rig.last.events, ['d', 'e']);
  assert.equal(rig.counters.eventsDropped, 0);
});

test('when many events wait, the next request follows the response to the one before', (t) => {
  const rig = new HooksRig(t);
  for (let i = 0; i < 350; i++) rig.queue(`e${i}`);
  rig.advance(100);
  for (const expected of [2, 3, 3]) {
    rig.last.answer({ status: 200 });
    assert.equal(rig.sent.length, expected);
  }
  rig.advance(100);
  assert.deepEqual([rig.sent.length, rig.last.events.length], [4, 50], 'a part of a batch waits for more');
});

test('many events go in several requests', (t) => {
  const rig = new HooksRig(t);
  for (let i = 0; i < 250; i++) rig.queue(`e${i}`);
  const sizes: number[] = [];
  for (let i = 0; i < 3; i++) {
    rig.advance(100);
    sizes.push(rig.last.events.length);
    rig.last.answer({ status: 200 });
  }
  assert.deepEqual(sizes, [100, 100, 50]);
  assert.deepEqual(
    rig.sent.flatMap(({ events }) => events),
    Array.from({ length: 250 }, (_, i) => `e${i}`),
  );
});

test('what a store answers late of a batch that is done with does not count, and a stop waits for it', async (t) => {
  const rig = new HooksRig(t);
  const store = rig.store as HistoryStore;
  const late: (() => void)[] = [];
  const span = store.span.bind(store);
  store.span = (channel, done) => span(channel, (found) => late.push(() => done(found)));
  const answerLate = (): void => {
    for (const answer of late.splice(0)) answer();
  };
  rig.queue('a', 'b');
  rig.advance(300);
  assert.deepEqual([late.length, rig.sent.length], [1, 0], 'one look at a time');
  answerLate();
  rig.advance(100);
  rig.last.answer({ status: 204 });
  rig.advance(100);
  // Oldest first: some were asked before the batch was done with.
  answerLate();
  rig.advance(100);
  answerLate();
  rig.advance(1_000);
  assert.deepEqual([rig.sent.length, rig.counters.eventsDropped, rig.counters.eventsHeld], [1, 0, 0]);
  rig.queue('c');
  const stopped = rig.hooks.stop();
  while (rig.sent.length < 2) {
    answerLate();
    await setTimeout(5);
  }
  rig.last.answer({ status: 204 });
  let isStopped = false;
  void stopped.then(() => {
    isStopped = true;
  });
  while (!isStopped) {
    answerLate();
    await setTimeout(5);
  }
  assert.deepEqual(rig.last.events, ['c']);
});

test('a store that is far is asked what waits when something has come, else every ten seconds, and nothing is taken for lost', (t) => {
  const rig = new HooksRig(t);
  let looks = 0;
  let onItem = (): void => assert.fail('nobody watches');
  const memory = rig.store as HistoryStore;
  const span = memory.span.bind(memory);
  memory.span = (channel, done) => {
    looks++;
    span(channel, done);
  };
  let watched: string | null = null;
  Object.assign(memory, {
    watch: (channel: string, call: () => void): (() => void) => {
      [watched, onItem] = [channel, call];
      return () => {
        watched = null;
      };
    },
  });
  rig.advance(100);
  assert.deepEqual([watched, looks], [HOOK.queue, 1]);
  rig.advance(9_900);
  assert.equal(looks, 1);
  rig.advance(200);
  assert.equal(looks, 2);
  rig.queue('a');
  rig.advance(1_000);
  assert.equal(rig.sent.length, 0, 'it has not been told of it');
  onItem();
  rig.advance(100);
  assert.deepEqual(rig.last.events, ['a']);
  rig.last.answer({ status: 200 });
  assert.equal(rig.counters.eventsDropped, 0);
  rig.queue('b');
  rig.advance(10_000);
  assert.deepEqual(rig.last.events, ['b'], 'what it was not told of comes later');
  rig.hooks.use([]);
  assert.equal(watched, null);
});

test('a store that answers late is asked once for what comes next, and that is sent once', (t) => {
  const rig = new HooksRig(t);
  const memory = rig.store as HistoryStore;
  const read = memory.read.bind(memory);
  const late: (() => void)[] = [];
  memory.read = (query, done) => read(query, (result) => late.push(() => done(result)));
  rig.advance(100);
  rig.queue('a');
  rig.advance(500);
  assert.equal(late.length, 1);
  late[0]?.();
  assert.equal(rig.sent.length, 1);
  assert.deepEqual(rig.last.events, ['a']);
});
