import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { TimerWheel } from '../../../src/clock/index.ts';
import { Counters, type Requester, WINDOW } from '../../../src/exchange/index.ts';
import {
  ALL_RIGHTS,
  BEGINNING,
  formatEventId,
  parseEventId,
  type ResumableStream,
  ResumableStreams,
  resumeRequest,
} from '../../../src/resume/index.ts';
import { RecordingRequester } from '../../support/exchange/recording-requester.ts';
import { requestHead } from '../../support/exchange/request-head.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { manualClock } from '../../support/manual-clock.ts';

const OWNER = { method: 'POST', url: 'here', rights: 'mine' };
const HEAD = { status: 200, reason: '', headers: ['Content-Type', 'text/event-stream'], bodyLength: -1 };

/** The origin of a stream, as the stream sees it. */
class FakeOrigin {
  granted = 0;
  cancelled = false;

  grant(bytes: number): void {
    this.granted += bytes;
  }

  cancel(): void {
    this.cancelled = true;
  }
}

/** One stream and its origin. */
class Rig {
  readonly origin = new FakeOrigin();
  readonly stream: ResumableStream;
  readonly id: string;

  constructor(streams: ResumableStreams, rules = { ttl: 60, maxBytes: 65_536 }) {
    this.id = streams.newId() ?? assert.fail('there is no room');
    this.stream = streams.begin({ id: this.id, owner: OWNER, head: HEAD, rules, origin: this.origin, granted: 0 });
  }

  /** Sends an event of so many bytes of data, if the origin may. Returns whether it may. */
  send(bytes: number): boolean {
    const event = Buffer.from(`data: ${'x'.repeat(bytes)}\n\n`);
    if (this.origin.granted < event.length) return false;
    this.origin.granted -= event.length;
    this.stream.take(event, true);
    return true;
  }
}

function newStreams(
  t: TestContext,
  maxBytes = 1_000_000,
): { streams: ResumableStreams; counters: Counters; log: FakeLog } {
  const wheel = new TimerWheel();
  t.after(() => wheel.stop());
  const [counters, log] = [new Counters(), new FakeLog()];
  return { streams: new ResumableStreams({ wheel, counters, log, maxBytes: { current: maxBytes } }), counters, log };
}

function newReader(credits = WINDOW, greedy = true): RecordingRequester {
  const requester = new RecordingRequester(requestHead({ credits }));
  requester.greedy = greedy;
  requester.onResponse(HEAD);
  return requester;
}

/** The status of the response to a client that comes back, and the requester that got it. */
function comeBack(
  streams: ResumableStreams,
  id: string,
  position: number,
  rights = OWNER.rights,
  requester = new RecordingRequester(requestHead()),
): { status: number | undefined; requester: RecordingRequester } {
  const event = parseEventId(formatEventId({ stream: id, position })) ?? assert.fail('no id');
  const request = resumeRequest(event, { ...OWNER, rights }, requester.request);
  requester.responder = streams.service(request, requester as Requester);
  return { status: requester.head?.status, requester };
}

test('a stream that nobody reads goes on until its log is full; then the origin waits, and nothing is lost', (t) => {
  const { streams } = newStreams(t);
  const rig = new Rig(streams);
  const reader = newReader();
  const responder = rig.stream.open(reader, WINDOW, BEGINNING);
  responder.onRequestError();
  let sent = 0;
  while (rig.send(500)) sent++;
  assert.ok(sent > 80, `${sent} events`);
  assert.ok(rig.stream.log.size <= 65_536, `${rig.stream.log.size} bytes`);
  assert.equal(rig.stream.log.start, BEGINNING);
  const { status, requester } = comeBack(streams, rig.id, 0);
  assert.equal(status, 200);
  assert.ok(requester.received > sent * 500);
  assert.ok(rig.send(500), 'the origin goes on');
});

test('with a reader the oldest goes, and an id that was let go is unknown', (t) => {
  const { streams } = newStreams(t);
  const rig = new Rig(streams);
  const reader = newReader();
  reader.responder = rig.stream.open(reader, WINDOW, BEGINNING);
  const ids: number[] = [];
  for (let i = 0; i < 1_000; i++) {
    assert.ok(rig.send(1_000), `event ${i}`);
    ids.push(rig.stream.log.end);
  }
  assert.ok(reader.received > 1_000_000);
  assert.ok(rig.stream.log.size <= 65_536 + 8_192, `${rig.stream.log.size} bytes`);
  assert.ok(rig.stream.log.allocated <= 65_536 + 16_384);
  assert.equal(comeBack(streams, rig.id, 0).status, 404);
});

test('a client that takes nothing holds the origin back once the log is full, and loses nothing', (t) => {
  const { streams } = newStreams(t);
  const rig = new Rig(streams);
  const reader = newReader(0, false);
  const responder = rig.stream.open(reader, 0, BEGINNING);
  reader.responder = responder;
  let sent = 0;
  while (rig.send(500)) sent++;
  assert.ok(rig.stream.log.size <= 65_536);
  reader.grant(10_000_000);
  assert.ok(reader.received > sent * 500);
  assert.ok(rig.send(500));
});

test('of two clients the faster one decides: one too far behind is cut off', (t) => {
  const { streams, counters } = newStreams(t);
  const rig = new Rig(streams);
  const [fast, stalled] = [newReader(), newReader(0, false)];
  fast.responder = rig.stream.open(fast, WINDOW, BEGINNING);
  stalled.responder = rig.stream.open(stalled, 0, BEGINNING);
  for (let i = 0; i < 500; i++) assert.ok(rig.send(1_000), `event ${i}`);
  assert.ok(fast.received > 500_000);
  assert.equal(stalled.take().at(-1), 'error HF_STREAM_LOST');
  assert.equal(counters.faults, 0);
  assert.ok(rig.stream.isRead);
});

test('a stream that nobody comes back to is let go, and its origin is cut', (t) => {
  const pass = manualClock(t);
  const { streams, counters } = newStreams(t);
  const [left, read, ended] = [new Rig(streams), new Rig(streams), new Rig(streams)];
  const reader = newReader();
  reader.responder = read.stream.open(reader, WINDOW, BEGINNING);
  for (const { stream } of [left, ended]) stream.open(newReader(), WINDOW, BEGINNING).onRequestError();
  ended.stream.take(Buffer.from('data: x\n\n'), false);
  pass(59);
  assert.equal(streams.size, 3);
  pass(2);
  assert.equal(streams.size, 1);
  assert.equal(left.origin.cancelled, true);
  assert.equal(ended.origin.cancelled, false);
  assert.equal(counters.streamsAbandoned, 1);
  read.stream.take(Buffer.from('data: x\n\n'), false);
  assert.match(reader.take().at(-1) ?? '', /^data ""$/);
  pass(59);
  assert.equal(comeBack(streams, read.id, 0).status, 200);
  pass(62);
  assert.equal(comeBack(streams, read.id, 0).status, 404);
  assert.equal(streams.bytes, 0);
});

test('10,000 streams stay below a small total: those that were left first go', (t) => {
  const { streams, counters, log } = newStreams(t, 1_000_000);
  const rigs: Rig[] = [];
  for (let i = 0; i < 10_000; i++) {
    const rig = new Rig(streams);
    const reader = newReader();
    const responder = rig.stream.open(reader, WINDOW, BEGINNING);
    rig.send(100);
    responder.onRequestError();
    rigs.push(rig);
    assert.ok(streams.bytes <= 1_000_000, `${streams.bytes} bytes`);
  }
  assert.ok(streams.size > 100 && streams.size < 500, `${streams.size} streams`);
  assert.equal(counters.streamsEvicted, 10_000 - streams.size);
  assert.equal(counters.streamsOpen, streams.size);
  assert.equal(comeBack(streams, rigs[0]?.id ?? '', 0).status, 404);
  assert.equal(rigs[0]?.origin.cancelled, true);
  assert.equal(comeBack(streams, rigs.at(-1)?.id ?? '', 0).status, 200);
  assert.ok(log.with('too many resumable streams, one is discarded').length > 0);
});

test('streams that are read are not let go: further ones are not logged, and each keeps only what has not been read', (t) => {
  const { streams, counters, log } = newStreams(t, 200_000);
  const rigs: Rig[] = [];
  const read = () => {
    const reader = newReader();
    const rig = new Rig(streams, { ttl: 60, maxBytes: 1_000_000 });
    reader.responder = rig.stream.open(reader, WINDOW, BEGINNING);
    rigs.push(rig);
  };
  for (let i = 0; i < 10; i++) read();
  for (let i = 0; i < 200; i++) for (const rig of rigs) assert.ok(rig.send(1_000));
  // Each has at least one segment of its log.
  assert.ok(streams.bytes < 200_000 + 10 * 2 * 65_536, `${streams.bytes} bytes`);
  assert.equal(counters.streamsEvicted, 0);
  assert.equal(streams.newId(), null);
  assert.equal(counters.streamsUnlogged, 1);
  assert.equal(log.with('no room for another resumable stream').length, 1);
});

test('rights of another client are refused, unless it may read whatever is there', (t) => {
  const { streams } = newStreams(t);
  const rig = new Rig(streams);
  rig.stream.open(newReader(), WINDOW, BEGINNING);
  rig.send(10);
  assert.equal(comeBack(streams, rig.id, 0).status, 200);
  assert.equal(comeBack(streams, rig.id, 0, 'other').status, 403);
  assert.equal(comeBack(streams, rig.id, 0, '').status, 403);
  assert.equal(comeBack(streams, rig.id, 0, ALL_RIGHTS).status, 200);
});

test('an event that ends in CR and LF is left out as a whole, however the two have come', (t) => {
  const { streams } = newStreams(t);
  const rig = new Rig(streams);
  rig.stream.open(newReader(), WINDOW, BEGINNING);
  for (const part of ['data: a\r\n\r', '\ndata: b\r\n\r\n']) rig.stream.take(Buffer.from(part), true);
  const position = rig.stream.log.textAt(BEGINNING, 100).indexOf('id: ') + 1;
  const { requester } = comeBack(streams, rig.id, position);
  assert.match(requester.take().at(-1) ?? '', /^data "data: b\\r\\nid: .*\\n\\r\\n" more$/);
});
