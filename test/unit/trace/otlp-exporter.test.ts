import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { ExchangeRecord, type RecordedSpan } from '../../../src/exchange/index.ts';
import { Attributes, OtlpExporter, type PostedSpans, TraceCounters } from '../../../src/trace/index.ts';
import { MAX_WAITING_BYTES } from '../../../src/trace/otlp-exporter.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { fakeTimers } from '../../support/fake-timers.ts';
import { decodeSpans } from '../../support/otlp.ts';

const TAKEN: PostedSpans = { status: 200, body: Buffer.from('{}'), retryAfter: 0, reason: '' };
const failed = (status: number, retryAfter = 0): PostedSpans => ({ ...TAKEN, status, retryAfter, reason: 'because' });

/** An exporter, its clock, and what it asked for. */
function rig(t: TestContext) {
  const timers = fakeTimers(t, ['setInterval', 'setTimeout']);
  const real = performance.now();
  t.mock.method(performance, 'now', () => real + timers.now);
  const resource = new Attributes();
  resource.string('service.name', 'test');
  const posts: { readonly body: string; readonly done: (posted: PostedSpans) => void }[] = [];
  const counters = new TraceCounters();
  const log = new FakeLog();
  const exporter = new OtlpExporter({
    post: { post: (body, done) => posts.push({ body: body.toString(), done }) },
    resource: resource.text,
    version: '1.2.3',
    counters,
    log,
  });
  const observer = exporter.observer('server');
  let made = 0;
  /** Ends as many exchanges. */
  const add = (count: number, userAgent = ''): void => {
    for (let i = 0; i < count; i++) {
      const spanId = (++made).toString(16).padStart(16, '0');
      const span: RecordedSpan = { traceId: 'a'.repeat(32), spanId, parentId: '', state: '', observer };
      const headers = userAgent === '' ? [] : ['User-Agent', userAgent];
      const peer = { address: '', port: 0 };
      const request = { id: '1', method: 'GET', target: '/', authority: 'h', version: '1.1', headers, peer };
      new ExchangeRecord(request, null, span).end();
    }
  };
  /** Responds to the oldest request that waits. */
  const answer = (posted: PostedSpans = TAKEN): void => (posts.shift() ?? assert.fail('no request')).done(posted);
  const spans = (): number => decodeSpans(posts[0]?.body ?? '').spans.length;
  return { timers, posts, counters, log, exporter, add, answer, spans };
}

test('spans of a second go in one request, with what sends them', (t) => {
  const { timers, posts, counters, add, answer } = rig(t);
  add(3);
  assert.equal(posts.length, 0);
  timers.tick(1_000);
  assert.equal(posts.length, 1);
  const { resource, spans } = decodeSpans(posts[0]?.body ?? '');
  assert.equal(resource.get('service.name'), 'test');
  assert.deepEqual(
    spans.map(({ spanId }) => Number.parseInt(spanId, 16)),
    [1, 2, 3],
  );
  assert.ok(counters.spanBytesHeld > 3 * 256);
  answer();
  assert.deepEqual([counters.spansExported, counters.spansDropped, counters.spanBytesHeld], [3, 0, 0]);
  timers.tick(60_000);
  assert.equal(posts.length, 0, 'nothing is sent while there is nothing');
});

test('a full batch goes at once, and the next one when it was taken', (t) => {
  const { posts, add, answer, spans } = rig(t);
  add(1_100);
  assert.equal(posts.length, 1);
  assert.equal(spans(), 512);
  answer();
  assert.equal(spans(), 512);
  answer();
  assert.equal(posts.length, 0, 'the rest waits for its second');
});

test('a batch of long spans is bounded in bytes', (t) => {
  const { posts, add, timers, spans } = rig(t);
  add(500, '\x01'.repeat(1_024));
  timers.tick(1_000);
  assert.ok((posts[0]?.body.length ?? 0) < 1_100_000);
  assert.ok(spans() < 500 && spans() > 100);
});

test('a batch that the collector cannot take for the moment is tried again, later each time', (t) => {
  const { timers, posts, counters, add, answer, spans } = rig(t);
  add(2);
  timers.tick(1_000);
  answer(failed(503));
  add(1);
  timers.tick(500);
  assert.equal(posts.length, 0, 'not at once');
  timers.tick(3_000);
  assert.equal(spans(), 2, 'the same spans');
  answer(failed(0));
  timers.tick(5_000);
  answer();
  timers.tick(1_000);
  answer();
  assert.deepEqual([counters.spansExported, counters.exportsFailed, counters.spansDropped], [3, 2, 0]);
});

test('the time that the collector asks for is kept, up to a minute', (t) => {
  const { timers, posts, add, answer } = rig(t);
  add(1);
  timers.tick(1_000);
  answer(failed(429, 30));
  timers.tick(29_000);
  assert.equal(posts.length, 0);
  timers.tick(2_000);
  answer(failed(429, 999_999));
  timers.tick(62_000);
  assert.equal(posts.length, 1);
});

test('after five tries a batch is dropped and counted, and the next one goes on', (t) => {
  const { timers, posts, counters, log, add, answer } = rig(t);
  add(4);
  for (let tries = 0; tries < 5; tries++) {
    while (posts.length === 0) timers.tick(1_000);
    answer(failed(502));
  }
  assert.deepEqual([counters.spansDropped, counters.exportsFailed, counters.spanBytesHeld], [4, 5, 0]);
  assert.equal(log.with('spans are dropped').length, 1);
  add(1);
  timers.tick(1_000);
  answer();
  assert.equal(counters.spansExported, 1);
});

test('a request that the collector will never take is not repeated', (t) => {
  const { timers, posts, counters, add, answer } = rig(t);
  add(1);
  timers.tick(1_000);
  answer(failed(400));
  timers.tick(100_000);
  assert.equal(posts.length, 0);
  assert.equal(counters.spansDropped, 1);
});

test('spans that the collector says it rejected are counted, whatever number it names', (t) => {
  const { timers, counters, add, answer } = rig(t);
  for (const [body, rejected] of [
    ['{"partialSuccess":{"rejectedSpans":"2"}}', 2],
    ['{"partialSuccess":{"rejectedSpans":99}}', 3],
    ['{"partialSuccess":{"rejectedSpans":-1}}', 0],
    ['{"partialSuccess":null}', 0],
    ['null', 0],
    ['<html>', 0],
    ['', 0],
  ] as const) {
    const before = counters.spansDropped;
    add(3);
    timers.tick(1_000);
    answer({ ...TAKEN, body: Buffer.from(body) });
    assert.equal(counters.spansDropped - before, rejected, body);
  }
});

test('what waits for a collector that does not respond is bounded, and what is dropped is counted and logged', (t) => {
  const { timers, posts, counters, log, add, answer } = rig(t);
  add(20_000, 'x'.repeat(1_000));
  assert.equal(posts.length, 1);
  assert.ok(counters.spanBytesHeld <= MAX_WAITING_BYTES);
  assert.ok(counters.spanBytesHeld > MAX_WAITING_BYTES - 4_096);
  assert.ok(counters.spansDropped > 10_000);
  assert.ok(log.with('spans wait too long for the collector: one is dropped').length > 0);
  const dropped = counters.spansDropped;
  while (counters.spanBytesHeld > 0) {
    if (posts[0] === undefined) timers.tick(1_000);
    else answer();
  }
  assert.equal(counters.spansExported + dropped, 20_000);
  assert.equal(counters.spansDropped, dropped);
});

test('at the end what is left is sent once', async (t) => {
  const { counters, exporter, add, answer } = rig(t);
  add(600);
  const closed = exporter.close();
  answer();
  answer();
  await closed;
  assert.deepEqual([counters.spansExported, counters.spansDropped], [600, 0]);
  add(1);
  assert.equal(counters.spansDropped, 1, 'what comes later has nowhere to go');
});

test('at the end nobody waits for a collector that does not respond or does not take them', async (t) => {
  const { timers, counters, exporter, add } = rig(t);
  add(2);
  const closed = exporter.close();
  timers.tick(2_000);
  await closed;
  assert.deepEqual([counters.spansDropped, counters.spanBytesHeld], [2, 0]);
  const other = rig(t);
  other.add(2);
  const refused = other.exporter.close();
  other.answer(failed(503));
  await refused;
  assert.equal(other.counters.spansDropped, 2);
});

test('an exception in the post is a failure like any other', (t) => {
  const timers = fakeTimers(t, ['setInterval']);
  const counters = new TraceCounters();
  const post = {
    post: () => {
      throw new Error('boom');
    },
  };
  const exporter = new OtlpExporter({ post, resource: '', version: '1', counters, log: new FakeLog() });
  const observer = exporter.observer('client');
  const span = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), parentId: '', state: '', observer };
  const peer = { address: '', port: 0 };
  const request = { id: '1', method: 'GET', target: '/', authority: 'h', version: '1.1', headers: [], peer };
  new ExchangeRecord(request, null, span).end();
  timers.tick(1_000);
  assert.deepEqual([counters.faults, counters.exportsFailed], [1, 1]);
});
