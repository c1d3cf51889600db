import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { applyMask } from '../../../../src/codec/websocket/index.ts';

const KEY = [0x9a, 0x01, 0xff, 0x7c];
const KEY_NUMBER = 0x9a01ff7c;

/** `data` masked as RFC 6455 §5.3 says it. */
function expected(data: Buffer): Buffer {
  return Buffer.from(data.map((byte, i) => byte ^ (KEY[i % 4] as number)));
}

function bytes(length: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, i) => (i * 31) & 0xff));
}

describe('masking', () => {
  for (const length of [0, 1, 3, 4, 5, 255, 256, 257, 1000, 1001, 1002, 1003]) {
    test(`combines each of ${length} bytes with its byte of the key, wherever they lie in memory`, () => {
      for (let at = 0; at < 8; at++) {
        const memory = Buffer.alloc(length + 16);
        const data = memory.subarray(at, at + length);
        bytes(length).copy(data);
        applyMask(data, KEY_NUMBER);
        assert.deepEqual(data, expected(bytes(length)));
        assert.ok(memory.subarray(0, at).every((byte) => byte === 0));
        assert.ok(memory.subarray(at + length).every((byte) => byte === 0));
      }
    });
  }

  test('continues with the key that it returned', () => {
    for (let cut = 0; cut <= 600; cut++) {
      const data = bytes(600);
      const key = applyMask(data.subarray(0, cut), KEY_NUMBER);
      applyMask(data.subarray(cut), key);
      assert.deepEqual(data, expected(bytes(600)));
    }
  });

  test('takes a key as signed and as unsigned number', () => {
    const signed = bytes(300);
    applyMask(signed, KEY_NUMBER | 0);
    assert.deepEqual(signed, expected(bytes(300)));
  });

  test('twice gives the bytes back', () => {
    const data = bytes(777);
    applyMask(data, KEY_NUMBER);
    applyMask(data, KEY_NUMBER);
    assert.deepEqual(data, bytes(777));
  });
});
