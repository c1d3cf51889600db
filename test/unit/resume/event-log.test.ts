import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BEGINNING, EventLog } from '../../../src/resume/event-log.ts';

test('positions stay while the oldest bytes go', () => {
  const log = new EventLog(65_536);
  const text = 'abcdefghij'.repeat(5_000);
  log.append(Buffer.from(text), 0, text.length);
  assert.equal(log.size, text.length);
  assert.equal(log.textAt(BEGINNING, text.length), text);
  assert.equal(log.dropFirst(BEGINNING), false, 'what has to stay stays');
  while (log.dropFirst(30_001));
  assert.ok(log.start > BEGINNING && log.start <= 30_001);
  assert.equal(log.textAt(30_001, 10), text.slice(30_000, 30_010));
  assert.equal(log.textAt(1, 10), '', 'what was let go is not there');
  assert.equal(log.segmentAt(1), null);
  assert.equal(log.end, BEGINNING + text.length);
});

test('the last segment stays, and memory is counted', () => {
  const log = new EventLog(65_536);
  assert.equal(log.allocated, 4_096);
  log.appendText('x'.repeat(4_096));
  log.appendText('y');
  const { allocated } = log;
  assert.ok(allocated > 4_096);
  assert.equal(log.dropFirst(Number.POSITIVE_INFINITY), true);
  assert.equal(log.dropFirst(Number.POSITIVE_INFINITY), false);
  assert.equal(log.allocated, allocated - 4_096);
});

test('text that does not fit a segment goes on in the next one', () => {
  const log = new EventLog(65_536);
  log.appendText('x'.repeat(4_090));
  log.appendText('0123456789');
  assert.equal(log.textAt(4_089, 12), 'xx0123456789');
});
