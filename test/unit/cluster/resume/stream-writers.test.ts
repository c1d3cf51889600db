import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readStreamRecord } from '../../../../src/cluster/resume/stream-record.ts';
import { STREAM_WINDOW } from '../../../../src/cluster/resume/stream-writer.ts';
import { STREAMS_WINDOW, StreamWriters } from '../../../../src/cluster/resume/stream-writers.ts';
import type { FakeBroker, Published } from '../../../support/cluster/fake-broker.ts';
import { eventually } from '../../../support/running-app.ts';
import { fakeMeans } from './fake-means.ts';
import { StreamOrigin } from './stream-node.ts';

const RULES = { ttl: 60, maxBytes: 4_194_304 };

/** The broker has all of these. */
function store(broker: FakeBroker, published: readonly Published[]): void {
  for (const [index, { reply }] of published.entries()) broker.send(reply, `{"stream":"s","seq":${index + 1}}`);
}

const bytesOf = (published: readonly Published[]): number =>
  published.reduce((sum, { data }) => sum + Math.max(256, data.length), 0);

test('of one stream no more than a window is on its way, and the rest follows', async (t) => {
  const { broker, streams, means } = fakeMeans(t);
  const writers = new StreamWriters(means);
  streams.mirror = (stream) => writers.begin(stream);
  const origin = new StreamOrigin(streams, RULES);
  origin.send(...Array.from({ length: 1_000 }, () => 'x'.repeat(1_000)));
  await eventually(() => broker.published.length > 1);
  const first = broker.take();
  assert.ok(bytesOf(first) >= STREAM_WINDOW && bytesOf(first) < STREAM_WINDOW + 33_000, `${bytesOf(first)} bytes`);
  const all = [...first];
  for (let next = first; next.length > 0; ) {
    store(broker, next);
    next = broker.take();
    all.push(...next);
  }
  const text = all
    .slice(1)
    .map(({ data }) => readStreamRecord(data))
    .map((record) => (record?.kind === 'piece' ? record.bytes.toString('latin1') : ''))
    .join('');
  assert.ok(text === origin.text);
  assert.equal(writers.bytes, 0);
});

test('of all streams no more than their window is on its way', async (t) => {
  const { broker, streams, means } = fakeMeans(t);
  const writers = new StreamWriters(means);
  streams.mirror = (stream) => writers.begin(stream);
  for (let i = 0; i < 50; i++) {
    new StreamOrigin(streams, RULES).send(...Array.from({ length: 250 }, () => 'x'.repeat(1_000)));
  }
  await eventually(() => writers.bytes > STREAMS_WINDOW - 33_000);
  const first = broker.take();
  assert.ok(bytesOf(first) <= STREAMS_WINDOW);
  assert.equal(writers.bytes, bytesOf(first));
  let bytes = bytesOf(first);
  for (let next = first; next.length > 0; bytes += bytesOf(next)) {
    store(broker, next);
    next = broker.take();
  }
  assert.ok(bytes > 50 * 250 * 1_000, 'the rest follows');
  assert.equal(writers.bytes, 0);
});

test('what the broker refuses, or does not acknowledge, is written again from there', async (t) => {
  const { broker, streams, means, counters } = fakeMeans(t);
  const writers = new StreamWriters(means);
  streams.mirror = (stream) => writers.begin(stream);
  const origin = new StreamOrigin(streams, RULES);
  origin.send('one');
  await eventually(() => broker.published.length === 2);
  const [head, one] = broker.take() as [Published, Published];
  broker.send(head.reply, '{"stream":"s","seq":1}');
  broker.send(one.reply, '{"error":{"code":503,"description":"insufficient resources"}}');
  origin.send('two');
  await new Promise(setImmediate);
  assert.equal(broker.take().length, 0, 'it waits for the next try');
  writers.check();
  const again = broker.take();
  assert.deepEqual(
    again.map(({ data }) => readStreamRecord(data)),
    [{ kind: 'piece', position: 1, bytes: Buffer.from(origin.text) }],
  );
  // Nobody answers.
  broker.send(again[0]?.reply as string, '');
  writers.check();
  assert.deepEqual(broker.take()[0]?.data, again[0]?.data);
  assert.deepEqual([counters.streamsShared, counters.streamsUnshared], [1, 0]);
});

test('no message is larger than the broker takes', async (t) => {
  const { broker, streams, means } = fakeMeans(t);
  broker.maxPayload = 1_000;
  const writers = new StreamWriters(means);
  streams.mirror = (stream) => writers.begin(stream);
  new StreamOrigin(streams, RULES).send('x'.repeat(5_000));
  await eventually(() => broker.published.length > 1);
  const sizes = broker.take().map(({ data }) => data.length);
  assert.ok(sizes.length > 5 && Math.max(...sizes) === 1_000, sizes.join());
});

test('a header that is larger than the broker takes is not shared, and the stream goes on', async (t) => {
  const { broker, streams, means, counters, log } = fakeMeans(t);
  broker.maxPayload = 100;
  const writers = new StreamWriters(means);
  streams.mirror = (stream) => writers.begin(stream);
  const origin = new StreamOrigin(streams, RULES);
  origin.send('one');
  await eventually(() => counters.streamsUnshared === 1);
  assert.deepEqual(broker.take(), []);
  assert.equal(writers.isShared(origin.id), false);
  const [{ reason } = {}] = log.of('stream cannot be resumed at other nodes');
  assert.equal(reason, 'its header is larger than max_payload of the broker');
});

test('a node that stops says that its streams are cut off, and leaves what has ended', async (t) => {
  let removed = 0;
  const { broker, streams, means } = fakeMeans(t, { remove: async () => void removed++ });
  const writers = new StreamWriters(means);
  streams.mirror = (stream) => writers.begin(stream);
  const [open, done] = [new StreamOrigin(streams, RULES), new StreamOrigin(streams, RULES)];
  open.send('one');
  done.send('one');
  await eventually(() => broker.published.length === 4);
  broker.take();
  done.end();
  const { end } = done.stream.log;
  writers.stop();
  streams.close();
  const { lastEvent } = done.stream;
  assert.deepEqual(
    broker.take().map(({ subject, data }) => [subject, readStreamRecord(data)]),
    [
      [`test.s.${open.id}.d`, { kind: 'end', position: 0, lastEvent: 0, cut: true }],
      [`test.s.${done.id}.d`, { kind: 'end', position: end, lastEvent, cut: false }],
    ],
  );
  assert.equal(removed, 0);
});
