import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  BINARY,
  DEFAULT_LIMITS,
  encodeFrame,
  encodeMaskedFrame,
  FrameReader,
  PING,
  type Role,
  TEXT,
  WebSocketError,
} from '../../../../src/codec/websocket/index.ts';

const ENDLESS = Number.POSITIVE_INFINITY;

function reader(role: Role = 'server'): FrameReader {
  return new FrameReader({ role, limits: DEFAULT_LIMITS, compression: false });
}

describe('the frame reader', () => {
  test('unmasks in place and gives views of its input', () => {
    const frames = reader();
    const input = encodeMaskedFrame(TEXT, Buffer.from('Hello'), 0x37fa213d);
    assert.equal(frames.read(input, 0, ENDLESS), input.length);
    assert.equal(frames.event, 'data');
    assert.equal(frames.data.toString(), 'Hello');
    assert.equal(frames.data.buffer, input.buffer);
    assert.equal(input.subarray(6).toString(), 'Hello');
  });

  test('unmasks no more than its credit, and leaves the rest untouched', () => {
    const frames = reader();
    const input = encodeMaskedFrame(BINARY, Buffer.from('Hello'), 0x37fa213d);
    const rest = Buffer.from(input.subarray(8));
    assert.equal(frames.read(input, 0, 2), 8);
    assert.equal(frames.data.toString(), 'He');
    assert.equal(frames.more, true);
    assert.deepEqual(input.subarray(8), rest);
    assert.equal(frames.read(input, 8, 3), input.length);
    assert.equal(frames.data.toString(), 'llo');
    assert.equal(frames.more, false);
  });

  test('without credit reads headers and stops before the payload of a message', () => {
    const frames = reader('client');
    const input = encodeFrame(TEXT, Buffer.from('Hello'));
    assert.equal(frames.read(input, 0, 0), 2);
    assert.equal(frames.event, 'none');
    assert.equal(frames.read(input, 2, 0), 2);
    assert.equal(frames.event, 'none');
    assert.equal(frames.read(input, 2, 5), 7);
    assert.equal(frames.data.toString(), 'Hello');
  });

  test('needs no credit for control frames and empty messages', () => {
    const frames = reader('client');
    const input = Buffer.concat([encodeFrame(PING, Buffer.from('ping')), encodeFrame(TEXT, Buffer.alloc(0))]);
    const end = frames.read(input, 0, 0);
    assert.equal(frames.event, 'ping');
    assert.equal(frames.data.toString(), 'ping');
    assert.equal(frames.read(input, end, 0), input.length);
    assert.deepEqual([frames.event, frames.data.length, frames.more, frames.text], ['data', 0, false, true]);
  });

  test('holds on to no input once it has nothing more to give', () => {
    const frames = reader('client');
    const input = encodeFrame(TEXT, Buffer.from('Hello'));
    frames.read(input, 0, ENDLESS);
    frames.read(input, input.length, ENDLESS);
    assert.equal(frames.event, 'none');
    assert.equal(frames.data.length, 0);
    assert.notEqual(frames.data.buffer, input.buffer);
  });

  test('keeps a control frame that came in pieces when its input changes', () => {
    const frames = reader();
    const input = encodeMaskedFrame(PING, Buffer.from('Hello'), 0x37fa213d);
    const first = Buffer.from(input.subarray(0, 8));
    frames.read(first, 0, ENDLESS);
    assert.equal(frames.event, 'none');
    first.fill(0);
    frames.read(Buffer.from(input.subarray(8)), 0, ENDLESS);
    assert.equal(frames.event, 'ping');
    assert.equal(frames.data.toString(), 'Hello');
  });

  test('throws the same error again and again', () => {
    const frames = reader('client');
    const first = catchError(() => frames.read(Buffer.from([0x83]), 0, ENDLESS));
    assert.ok(first instanceof WebSocketError);
    assert.equal(first.closeCode, 1002);
    assert.equal(
      catchError(() => frames.read(encodeFrame(TEXT, Buffer.alloc(0)), 0, ENDLESS)),
      first,
    );
    assert.equal(frames.event, 'none');
  });

  test('gives what stands before a fault in text, and throws with the next read', () => {
    const frames = reader('client');
    const input = encodeFrame(TEXT, Buffer.from([0x61, 0x62, 0xff]));
    assert.equal(frames.read(input, 0, ENDLESS), 4);
    assert.equal(frames.data.toString(), 'ab');
    assert.equal(frames.more, true);
    const error = catchError(() => frames.read(input, 4, ENDLESS));
    assert.ok(error instanceof WebSocketError);
    assert.equal(error.closeCode, 1007);
  });

  test('has the limits that are documented', () => {
    assert.deepEqual(DEFAULT_LIMITS, {
      maxFrameBytes: 16_777_216,
      maxMessageBytes: 16_777_216,
      maxFragments: 131_072,
    });
  });
});

function catchError(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return assert.fail('nothing was thrown');
}
