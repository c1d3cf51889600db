import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PieceReader } from '../../../../src/codec/zmtp/piece-reader.ts';

function reader(...chunks: string[]): PieceReader {
  const pieces = new PieceReader();
  for (const chunk of chunks) pieces.push(Buffer.from(chunk));
  return pieces;
}

test('a piece that lies in one chunk is a view of it', () => {
  const pieces = new PieceReader();
  const chunk = Buffer.from('abcdef');
  pieces.push(chunk);
  assert.equal(pieces.take(2)?.toString(), 'ab');
  const rest = pieces.take(4) as Buffer;
  chunk[2] = 0x78;
  assert.equal(rest.toString(), 'xdef');
});

test('a piece of several chunks is put together', () => {
  const pieces = reader('ab');
  assert.equal(pieces.take(5), null);
  pieces.push(Buffer.from('c'));
  assert.equal(pieces.take(5), null);
  pieces.push(Buffer.from('defg'));
  assert.equal(pieces.take(5)?.toString(), 'abcde');
  assert.equal(pieces.take(2)?.toString(), 'fg');
  assert.equal(pieces.take(1), null);
});

test('an empty piece is always there', () => {
  assert.equal(reader().take(0)?.length, 0);
});

test('the untaken rest of a chunk stays in front of the next one', () => {
  const pieces = reader('abc');
  assert.equal(pieces.byte(), 0x61);
  pieces.push(Buffer.from('de'));
  assert.equal(pieces.take(4)?.toString(), 'bcde');
});

test('single bytes come one after the other, and -1 at the end', () => {
  const pieces = reader('ab');
  assert.deepEqual([pieces.byte(), pieces.byte(), pieces.byte()], [0x61, 0x62, -1]);
});

test('a piece can be looked at without taking it', () => {
  const pieces = reader('ab');
  assert.equal(pieces.peek(4).toString(), 'ab');
  pieces.push(Buffer.from('cdef'));
  assert.equal(pieces.peek(4).toString(), 'abcd');
  assert.equal(pieces.take(4)?.toString(), 'abcd');
  assert.equal(pieces.take(2)?.toString(), 'ef');
});

test('a large piece that arrives byte by byte is put together', () => {
  const whole = Buffer.from(Array.from({ length: 20_000 }, (_, index) => index % 251));
  const pieces = new PieceReader();
  for (let i = 0; i < whole.length; i++) {
    assert.equal(pieces.take(whole.length), null);
    pieces.push(whole.subarray(i, i + 1));
  }
  assert.equal(pieces.take(whole.length)?.equals(whole), true);
});

test('memory grows with what has arrived, not with what is announced', (t) => {
  const allocate = t.mock.method(Buffer, 'allocUnsafe');
  const pieces = reader('ab');
  assert.equal(pieces.take(2 ** 40), null);
  assert.deepEqual(
    allocate.mock.calls.map((call) => call.arguments[0]),
    [4_096],
  );
});
