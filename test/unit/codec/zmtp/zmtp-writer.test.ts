import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeMessages, type Part, REFERENCE_BYTES, wholePart, wireBytes } from '../../../../src/codec/zmtp/index.ts';

const EMPTY = Buffer.alloc(0);

test('small messages become one buffer, with MORE on all but the last part of each', () => {
  const messages = [[Buffer.from('a'), EMPTY, Buffer.from('bc')], [Buffer.from('d')]];
  const buffers = encodeMessages(messages, 0, 2);
  assert.deepEqual(
    buffers.map((buffer) => buffer.toString('hex')),
    ['01016101000002626300' + '0164'],
  );
});

test('only the messages in the range are written', () => {
  const messages = [[Buffer.from('a')], [Buffer.from('b')], [Buffer.from('c')]];
  assert.equal(Buffer.concat(encodeMessages(messages, 1, 2)).toString('hex'), '000162');
  assert.deepEqual(encodeMessages(messages, 1, 1), []);
});

test('a part of up to 255 bytes has a short length, a longer one eight bytes of it', () => {
  assert.equal(Buffer.concat(encodeMessages([[Buffer.alloc(255)]], 0, 1)).toString('hex', 0, 2), '00ff');
  assert.equal(Buffer.concat(encodeMessages([[Buffer.alloc(256)]], 0, 1)).toString('hex', 0, 9), '020000000000000100');
});

test('large parts are not copied', () => {
  const large = Buffer.alloc(REFERENCE_BYTES, 1);
  const small = Buffer.from('s');
  const buffers = encodeMessages([[small, large, small], [large]], 0, 2);
  assert.equal(buffers.length, 4);
  assert.equal(buffers[1], large);
  assert.equal(buffers[3], large);
  assert.equal(buffers[0]?.toString('hex'), '010173' + '030000000000004000');
  assert.equal(buffers[2]?.toString('hex'), '000173' + '020000000000004000');
});

test('the length on the wire is known before', () => {
  for (const sizes of [[0], [255], [256], [1, 70_000, 3]]) {
    const parts = sizes.map((size) => Buffer.alloc(size));
    assert.equal(wireBytes(parts), Buffer.concat(encodeMessages([parts], 0, 1)).length);
  }
});

test('a part in pieces is one frame, and only its large pieces are not copied', () => {
  const large = Buffer.alloc(REFERENCE_BYTES, 1);
  const parts = [
    [Buffer.from('a'), EMPTY, Buffer.from('bc')],
    Buffer.from('d'),
    [Buffer.from('e'), large, Buffer.from('f')],
    [],
  ];
  const buffers = encodeMessages([parts], 0, 1);
  assert.equal(buffers.length, 3);
  assert.equal(buffers[0]?.toString('hex'), '0103616263' + '010164' + '030000000000004002' + '65');
  assert.equal(buffers[1], large);
  assert.equal(buffers[2]?.toString('hex'), '66' + '0000');
  assert.equal(wireBytes(parts), Buffer.concat(buffers).length);
});

test('text becomes bytes, one for each character, whatever its length', () => {
  for (const text of ['', 'a\xe9\x00', 'x'.repeat(300), 'x'.repeat(REFERENCE_BYTES + 1)]) {
    const parts: readonly Part[] = [text, Buffer.from('end')];
    const expected = encodeMessages([[Buffer.from(text, 'latin1'), Buffer.from('end')]], 0, 1);
    assert.equal(Buffer.concat(encodeMessages([parts], 0, 1)).toString('hex'), Buffer.concat(expected).toString('hex'));
    assert.equal(wireBytes(parts), Buffer.concat(expected).length);
    assert.equal(wholePart(text).toString('latin1'), text);
  }
});
