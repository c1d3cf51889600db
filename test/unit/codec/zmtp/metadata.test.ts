import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeMetadata, ZmtpError } from '../../../../src/codec/zmtp/index.ts';
import { parseMetadata } from '../../../../src/codec/zmtp/metadata.ts';

test('a property is a byte of length and the name, then four bytes of length and the value', () => {
  const body = encodeMetadata([['Socket-Type', Buffer.from('PUSH')]]);
  assert.equal(body.toString('latin1'), '\x0bSocket-Type\0\0\0\x04PUSH');
});

test('properties come back, with their names in lower case', () => {
  const body = encodeMetadata([
    ['Socket-Type', Buffer.from('ROUTER')],
    ['Identity', Buffer.alloc(0)],
    ['X-a', Buffer.alloc(300, 1)],
  ]);
  const metadata = parseMetadata(body);
  assert.deepEqual([...metadata.keys()], ['socket-type', 'identity', 'x-a']);
  assert.equal(metadata.get('socket-type')?.toString(), 'ROUTER');
  assert.equal(metadata.get('identity')?.length, 0);
  assert.equal(metadata.get('x-a')?.length, 300);
});

test('properties may be missing', () => {
  assert.equal(parseMetadata(Buffer.alloc(0)).size, 0);
});

test('metadata that breaks off anywhere is refused', () => {
  const body = encodeMetadata([['Identity', Buffer.from('a')]]);
  for (let length = 1; length < body.length; length++) {
    assert.throws(() => parseMetadata(body.subarray(0, length)), ZmtpError, `${length} bytes`);
  }
});

test('empty, odd and repeated names are refused', () => {
  for (const name of ['', 'a b', '\xe4']) {
    assert.throws(() => parseMetadata(encodeMetadata([[name, Buffer.of(1)]])), ZmtpError);
  }
  const twice = encodeMetadata([
    ['Identity', Buffer.from('a')],
    ['identity', Buffer.from('b')],
  ]);
  assert.throws(() => parseMetadata(twice), ZmtpError);
});
