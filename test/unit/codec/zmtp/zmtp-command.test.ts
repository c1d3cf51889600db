import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  encodeError,
  encodePing,
  encodePong,
  encodeSubscription,
  MAX_CONTEXT_BYTES,
  parseError,
  parsePing,
  ZmtpError,
} from '../../../../src/codec/zmtp/index.ts';
import { encodeCommand, parseCommand } from '../../../../src/codec/zmtp/zmtp-command.ts';

const EMPTY = Buffer.alloc(0);

function hex(text: string): string {
  return Buffer.from(text, 'latin1').toString('hex');
}

test('a command is a frame with its name and its data', () => {
  assert.equal(encodeCommand('READY', Buffer.from('x')).toString('hex'), `0407${hex('\x05READYx')}`);
});

test('a long command has a long frame', () => {
  const frame = encodeCommand('READY', Buffer.alloc(250));
  assert.equal(frame.subarray(0, 9).toString('hex'), '060000000000000100');
  assert.equal(frame.length, 9 + 256);
});

test('a command comes back', () => {
  const frame = encodeCommand('PONG', Buffer.from('ctx'));
  assert.deepEqual(parseCommand(frame.subarray(2)), { name: 'PONG', data: Buffer.from('ctx') });
});

test('a command without a name of letters is refused', () => {
  for (const body of ['', '\x00', '\x05READ', '\x01-', '\x02A ']) {
    assert.throws(() => parseCommand(Buffer.from(body, 'latin1')), ZmtpError);
  }
});

test('a PING has its time to live in tenths of a second, rounded up', () => {
  assert.equal(encodePing(12_340).toString('hex'), `0407${hex('\x04PING')}007c`);
  assert.equal(encodePing(0).readUInt16BE(7), 0);
  assert.equal(encodePing(Number.POSITIVE_INFINITY).readUInt16BE(7), 65_535);
});

test('a PING is read with its context', () => {
  const context = Buffer.alloc(MAX_CONTEXT_BYTES, 7);
  assert.deepEqual(parsePing(Buffer.concat([Buffer.of(1, 0), context])), { ttlMs: 25_600, context });
  assert.deepEqual(parsePing(Buffer.of(0, 0)), { ttlMs: 0, context: EMPTY });
});

test('a PING without time to live or with too long a context is refused', () => {
  assert.throws(() => parsePing(Buffer.of(0)), ZmtpError);
  assert.throws(() => parsePing(Buffer.alloc(2 + MAX_CONTEXT_BYTES + 1)), ZmtpError);
});

test('a PONG gives the context back', () => {
  assert.equal(encodePong(Buffer.from('ab')).toString('hex'), `0407${hex('\x04PONGab')}`);
});

test('an ERROR carries a reason of at most 255 characters', () => {
  assert.equal(encodeError('no').toString('hex'), `0409${hex('\x05ERROR\x02no')}`);
  assert.equal(parseError(parseCommand(encodeError('x'.repeat(300)).subarray(9)).data), 'x'.repeat(255));
});

test('the reason of an ERROR is safe to be logged', () => {
  assert.equal(parseError(Buffer.from('\x05a\n\x1b[\xff', 'latin1')), 'a??[?');
  assert.equal(parseError(EMPTY), '');
  assert.equal(parseError(Buffer.from('\xffab', 'latin1')), 'ab');
});

test('a subscription is a command in ZMTP 3.1', () => {
  assert.equal(encodeSubscription(Buffer.from('t'), true, 1).toString('hex'), `040b${hex('\x09SUBSCRIBEt')}`);
  assert.equal(encodeSubscription(EMPTY, false, 1).toString('hex'), `0407${hex('\x06CANCEL')}`);
});

test('a subscription is a message in ZMTP 3.0', () => {
  assert.equal(encodeSubscription(Buffer.from('t'), true, 0).toString('hex'), `0002${hex('\x01t')}`);
  assert.equal(encodeSubscription(EMPTY, false, 0).toString('hex'), `0001${hex('\x00')}`);
});
