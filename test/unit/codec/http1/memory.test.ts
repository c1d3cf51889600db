import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { bodyReader, CHUNKED, DEFAULT_LIMITS, RequestHeadReader } from '../../../../src/codec/http1/index.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const READERS = 16;
/** Held by each of the readers below: a head or trailers just under the limit. */
const TEXT = 16_000;

/** Bytes of heap that `READERS` objects hold once each has been fed `TEXT` bytes, one at a time. */
function heldByOneByOne<Reader>(create: () => Reader, feed: (reader: Reader, byte: Buffer) => void): number {
  const byte = Buffer.from('a');
  const readers: Reader[] = [];
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < READERS; i++) {
    const reader = create();
    for (let n = 0; n < TEXT; n++) feed(reader, byte);
    readers.push(reader);
  }
  collectGarbage();
  const held = process.memoryUsage().heapUsed - before;
  assert.equal(readers.length, READERS);
  return held;
}

test('a head that comes byte by byte is kept as bytes, not as strings', () => {
  const held = heldByOneByOne(
    () => new RequestHeadReader(DEFAULT_LIMITS),
    (reader, byte) => reader.read(byte, 0),
  );
  assert.ok(held < 8 * READERS * TEXT, `${held} bytes`);
});

test('trailers that come byte by byte are kept as bytes, not as strings', () => {
  const held = heldByOneByOne(
    () => {
      const reader = bodyReader(CHUNKED, DEFAULT_LIMITS);
      reader.read(Buffer.from('0\r\n'), 0, 0);
      return reader;
    },
    (reader, byte) => reader.read(byte, 0, 0),
  );
  assert.ok(held < 8 * READERS * TEXT, `${held} bytes`);
});
