import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatEventId, newPlace, newStreamId, parseEventId, placeOf } from '../../../src/resume/event-id.ts';

test('an event id is read as it was written', () => {
  const place = newPlace();
  const stream = newStreamId(place);
  assert.match(place, /^[0-9a-f]{8}$/);
  assert.equal(stream.length, 30);
  assert.equal(placeOf(stream), place);
  for (const position of [0, 1, 999_999_999_999_999]) {
    assert.deepEqual(parseEventId(formatEventId({ stream, position })), { stream, position });
  }
});

test('a stream id has 128 random bits', () => {
  const ids = new Set(Array.from({ length: 1_000 }, () => newStreamId('01234567')));
  assert.equal(ids.size, 1_000);
  for (const id of ids) assert.equal(Buffer.from(id.slice(8), 'base64url').length, 16);
});

test('anything else is none', () => {
  const stream = newStreamId('01234567');
  const others = [
    ...[
      '',
      '1',
      stream,
      `${stream}.`,
      `${stream}.-1`,
      `${stream}.01`,
      `${stream}.1.1`,
      `${stream}.1e3`,
      ` ${stream}.1`,
    ],
    ...[`${stream}.1\n`, `${stream}x.1`, `${stream.slice(1)}.1`, `X${stream.slice(1)}.1`, `${stream}.1234567890123456`],
    ...[`${stream.slice(0, -1)}/.1`, `../../${stream}.1`, 'x'.repeat(100_000), `${stream}.${'1'.repeat(100_000)}`],
  ];
  for (const text of others) assert.equal(parseEventId(text), null, text.slice(0, 80));
});
