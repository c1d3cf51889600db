import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BEGINNING, EventLog } from '../../../src/resume/event-log.ts';
import { LARGEST, LogMemory, MAX_SPARE_BYTES } from '../../../src/resume/log-memory.ts';

function append(log: EventLog, text: string): void {
  log.append(Buffer.from(text), 0, text.length);
}

test('positions stay while the oldest bytes go', () => {
  const log = new EventLog(new LogMemory(), 65_536);
  const text = 'abcdefghij'.repeat(5_000);
  append(log, text);
  assert.equal(log.size, text.length);
  assert.equal(log.textAt(BEGINNING, text.length), text);
  assert.equal(log.dropFirst(BEGINNING, 0), false, 'what has to stay stays');
  while (log.dropFirst(30_001, 0));
  assert.ok(log.start > BEGINNING && log.start <= 30_001);
  assert.equal(log.textAt(30_001, 10), text.slice(30_000, 30_010));
  assert.equal(log.textAt(1, 10), '', 'what was let go is not there');
  assert.equal(log.segmentAt(1), null);
  assert.equal(log.end, BEGINNING + text.length);
});

test('the last segment stays, and memory is counted', () => {
  const log = new EventLog(new LogMemory(), 65_536);
  assert.equal(log.allocated, 4_096);
  append(log, 'x'.repeat(4_096));
  append(log, 'y');
  const { allocated } = log;
  assert.ok(allocated > 4_096);
  assert.equal(log.dropFirst(Number.POSITIVE_INFINITY, 0), true);
  assert.equal(log.dropFirst(Number.POSITIVE_INFINITY, 0), false);
  assert.equal(log.allocated, allocated - 4_096);
});

test('text that does not fit a segment goes on in the next one', () => {
  const log = new EventLog(new LogMemory(), 65_536);
  append(log, 'x'.repeat(4_090));
  append(log, '0123456789');
  assert.equal(log.textAt(4_089, 12), 'xx0123456789');
});

test('memory that a log gives back is used by the next one', () => {
  const memory = new LogMemory();
  const log = new EventLog(memory, 65_536);
  append(log, 'x'.repeat(20_000));
  const first = log.segmentAt(BEGINNING)?.bytes;
  log.close();
  assert.equal(log.allocated, 0);
  assert.equal(log.segmentAt(BEGINNING), null);
  const next = new EventLog(memory, 65_536);
  append(next, 'y');
  assert.equal(next.segmentAt(BEGINNING)?.bytes, first);
  assert.equal(next.textAt(BEGINNING, 10), 'y', 'what another log had there is not read');
  const beside = new EventLog(memory, 65_536);
  append(beside, 'z');
  assert.equal(next.textAt(BEGINNING, 10), 'y');
});

test('memory that somebody may have a view of is not used again, before that is over', () => {
  const log = new EventLog(new LogMemory(), 32_768);
  const used = new Set<Buffer>();
  /** Whether the memory of a new segment was in use before. */
  const again = (viewed: boolean, read: number): boolean => {
    const segment = log.segmentAt(log.start) as NonNullable<ReturnType<EventLog['segmentAt']>>;
    used.add(segment.bytes);
    segment.viewed = viewed;
    append(log, 'x'.repeat(8_192));
    assert.equal(log.dropFirst(log.end - 1, read), true);
    append(log, 'x'.repeat(4_096));
    return used.has((log.segmentAt(log.end - 1) as { bytes: Buffer }).bytes);
  };
  assert.equal(again(true, 0), false);
  assert.equal(again(false, 0), true);
  assert.equal(again(true, log.end), true);
});

test('so much memory is kept for other logs', () => {
  const memory = new LogMemory();
  const pieces = Array.from({ length: MAX_SPARE_BYTES / LARGEST + 1 }, () => Buffer.from(new ArrayBuffer(LARGEST)));
  for (const piece of pieces) memory.give(piece);
  const taken = new Set(pieces.map(() => memory.take(LARGEST)));
  assert.equal(pieces.filter((piece) => taken.has(piece)).length, pieces.length - 1);
});

test('segments have powers of two bytes, and at most an eighth of the log', () => {
  const log = new EventLog(new LogMemory(), 100_000);
  append(log, 'x'.repeat(50_000));
  const lengths = [];
  for (let segment = log.segmentAt(BEGINNING); segment !== null; segment = segment.next)
    lengths.push(segment.bytes.length);
  assert.deepEqual(lengths, [4_096, ...Array(6).fill(8_192)]);
});
