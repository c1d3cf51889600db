import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HandlerFrames } from '../../../../src/codec/mongrel2/index.ts';
import { CONTINUATION, encodeMaskedFrame, PING, TEXT } from '../../../../src/codec/websocket/index.ts';

test('a whole frame is not copied, and nothing is held between messages', () => {
  const input = encodeMaskedFrame(TEXT, Buffer.from('hello'), 0x01020304);
  const frames = new HandlerFrames(100);
  assert.equal(frames.read(input, 0), input.length);
  assert.equal(frames.payload.toString(), 'hello');
  assert.equal(frames.payload.buffer, input.buffer);
  assert.equal(frames.held, 0);
});

test('memory grows with what has come, and is freed with the message', () => {
  const frames = new HandlerFrames(1_000_000);
  const frame = encodeMaskedFrame(TEXT, Buffer.alloc(500_000, 'x'), 7);
  let at = frames.read(frame.subarray(0, 10), 0);
  assert.ok(frames.held <= 1_024, 'a declared length costs nothing');
  for (at = 10; at < frame.length - 1; at += 1_000) {
    frames.read(frame.subarray(at, Math.min(at + 1_000, frame.length - 1)), 0);
    assert.ok(frames.held <= Math.max(1_024, 2 * (at + 1_000)));
  }
  frames.read(frame.subarray(frame.length - 1), 0);
  assert.equal(frames.payload.length, 500_000);
  assert.equal(
    frames.payload.every((byte) => byte === 0x78),
    true,
  );
  assert.equal(frames.held, 0);
});

test('endless empty fragments hold nothing', () => {
  const frames = new HandlerFrames(10);
  const empty = Buffer.alloc(0);
  frames.read(encodeMaskedFrame(TEXT, empty, 1, true), 0);
  for (let i = 0; i < 10_000; i++) frames.read(encodeMaskedFrame(CONTINUATION, empty, 1, true), 0);
  assert.ok(frames.held <= 1_024);
});

test('a message of exactly the limit is taken, whatever control frames come between', () => {
  const frames = new HandlerFrames(10);
  frames.read(encodeMaskedFrame(TEXT, Buffer.from('12345'), 1, true), 0);
  frames.read(encodeMaskedFrame(PING, Buffer.alloc(125), 1), 0);
  assert.equal(frames.payload.length, 125);
  frames.read(encodeMaskedFrame(CONTINUATION, Buffer.from('67890'), 1), 0);
  assert.equal(frames.payload.toString(), '1234567890');
});

test('after a fault every read throws it again, and nothing is held', () => {
  const frames = new HandlerFrames(100);
  frames.read(encodeMaskedFrame(TEXT, Buffer.from('begun'), 1, true), 0);
  assert.ok(frames.held > 0);
  const unmasked = Buffer.from([0x80, 0x00]);
  assert.throws(() => frames.read(unmasked, 0), /unmasked/);
  assert.throws(() => frames.read(encodeMaskedFrame(TEXT, Buffer.from('x'), 1), 0), /unmasked/);
  assert.equal(frames.held, 0);
});
