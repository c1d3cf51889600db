import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  BINARY,
  CLOSE,
  CONTINUATION,
  closePayload,
  encodeFrame,
  encodeMaskedFrame,
  frameHeader,
  isCloseCode,
  MAX_REASON_BYTES,
  NO_STATUS,
  PING,
  PONG,
  TEXT,
  WebSocketError,
} from '../../../../src/codec/websocket/index.ts';

const NOTHING = Buffer.alloc(0);

function unwritable(run: () => unknown): void {
  assert.throws(run, (error) => error instanceof WebSocketError && error.closeCode === 1011);
}

describe('a frame of a server', () => {
  test('is as in RFC 6455 §5.7', () => {
    assert.equal(encodeFrame(TEXT, Buffer.from('Hello')).toString('hex'), '810548656c6c6f');
    assert.equal(encodeFrame(TEXT, Buffer.from('Hel'), true).toString('hex'), '010348656c');
    assert.equal(encodeFrame(CONTINUATION, Buffer.from('lo')).toString('hex'), '80026c6f');
    assert.equal(encodeFrame(PING, Buffer.from('Hello')).toString('hex'), '890548656c6c6f');
    assert.equal(frameHeader(BINARY, 256).toString('hex'), '827e0100');
    assert.equal(frameHeader(BINARY, 65_536).toString('hex'), '827f0000000000010000');
  });

  test('has its length in as few bytes as possible', () => {
    const headers: [number, string][] = [
      [0, '8200'],
      [125, '827d'],
      [126, '827e007e'],
      [65_535, '827effff'],
      [65_536, '827f0000000000010000'],
      [0xffff_ffff, '827f00000000ffffffff'],
      [0x1_0000_0000, '827f0000000100000000'],
      [Number.MAX_SAFE_INTEGER, '827f001fffffffffffff'],
    ];
    for (const [length, hex] of headers) assert.equal(frameHeader(BINARY, length).toString('hex'), hex);
  });

  test('begins with the header that is written alone', () => {
    for (const length of [0, 1, 125, 126, 65_535, 65_536]) {
      const payload = Buffer.alloc(length, 'a');
      assert.deepEqual(
        encodeFrame(TEXT, payload, true, true),
        Buffer.concat([frameHeader(TEXT, length, true, true), payload]),
      );
    }
  });

  test('is marked as compressed by RSV1', () => {
    assert.equal(encodeFrame(TEXT, NOTHING, false, true).toString('hex'), 'c100');
    assert.equal(encodeFrame(BINARY, NOTHING, true, true).toString('hex'), '4200');
  });

  test('keeps its payload as it is', () => {
    const payload = Buffer.from('Hello');
    const frame = encodeFrame(TEXT, payload);
    frame.fill(0);
    assert.equal(payload.toString(), 'Hello');
  });
});

describe('a frame of a client', () => {
  test('is as in RFC 6455 §5.7', () => {
    assert.equal(encodeMaskedFrame(TEXT, Buffer.from('Hello'), 0x37fa213d).toString('hex'), '818537fa213d7f9f4d5158');
    assert.equal(encodeMaskedFrame(PONG, Buffer.from('Hello'), 0x37fa213d).toString('hex'), '8a8537fa213d7f9f4d5158');
  });

  test('has a key even if it is empty', () => {
    assert.equal(encodeMaskedFrame(BINARY, NOTHING, 0xfffefdfc).toString('hex'), '8280fffefdfc');
  });

  test('has its key behind a longer length, and its marks before it', () => {
    const frame = encodeMaskedFrame(TEXT, Buffer.alloc(126), 0x01020304, true, true);
    assert.equal(frame.subarray(0, 12).toString('hex'), '41fe007e0102030401020304');
    const long = encodeMaskedFrame(TEXT, Buffer.alloc(65_536), 0x01020304);
    assert.equal(long.subarray(0, 18).toString('hex'), '81ff00000000000100000102030401020304');
  });

  test('keeps its payload as it is', () => {
    const payload = Buffer.from('Hello');
    encodeMaskedFrame(TEXT, payload, 0x37fa213d);
    assert.equal(payload.toString(), 'Hello');
  });
});

describe('invalid frames are not written', () => {
  test('control frames over 125 bytes', () => {
    assert.equal(encodeFrame(PING, Buffer.alloc(125)).length, 127);
    unwritable(() => encodeFrame(PING, Buffer.alloc(126)));
    unwritable(() => encodeFrame(CLOSE, Buffer.alloc(126)));
    unwritable(() => frameHeader(PONG, 126));
    unwritable(() => encodeMaskedFrame(PONG, Buffer.alloc(126), 1));
  });

  test('control frames that are fragmented or compressed', () => {
    unwritable(() => encodeFrame(PING, NOTHING, true));
    unwritable(() => encodeFrame(CLOSE, NOTHING, false, true));
  });

  test('continuations that are marked as compressed', () => {
    unwritable(() => encodeFrame(CONTINUATION, NOTHING, false, true));
  });
});

describe('the payload of a close frame', () => {
  test('is the code and then the reason', () => {
    assert.equal(closePayload(1001, 'bye').toString('hex'), '03e9627965');
    assert.equal(closePayload(4999).toString('hex'), '1387');
    assert.equal(closePayload(1000, 'é').toString('hex'), '03e8c3a9');
  });

  test('is empty without a code', () => {
    assert.equal(closePayload(NO_STATUS).length, 0);
    unwritable(() => closePayload(NO_STATUS, 'bye'));
  });

  test('has a reason of up to 123 bytes', () => {
    assert.equal(MAX_REASON_BYTES, 123);
    assert.equal(closePayload(1000, 'r'.repeat(123)).length, 125);
    unwritable(() => closePayload(1000, 'r'.repeat(124)));
    unwritable(() => closePayload(1000, 'é'.repeat(62)));
  });

  test('has no code that must not be sent', () => {
    for (const code of [0, 999, 1004, 1006, 1015, 2999, 5000, 65_536 + 1000, 1000.5, Number.NaN]) {
      assert.equal(isCloseCode(code), false, String(code));
      unwritable(() => closePayload(code));
    }
    assert.equal(isCloseCode(NO_STATUS), false);
    for (const code of [1000, 1003, 1007, 1014, 3000, 4999]) assert.equal(isCloseCode(code), true, String(code));
  });
});
