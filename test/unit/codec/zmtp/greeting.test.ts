import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkGreeting, encodeGreeting, GREETING_BYTES, parseGreeting } from '../../../../src/codec/zmtp/greeting.ts';
import { ZmtpError, type ZmtpErrorKind } from '../../../../src/codec/zmtp/index.ts';

/** A greeting with some bytes of it replaced. */
function greeting(changes: Record<number, number> = {}): Buffer {
  const bytes = encodeGreeting('NULL', false);
  for (const [index, value] of Object.entries(changes)) bytes[Number(index)] = value;
  return bytes;
}

function refused(bytes: Buffer, kind: ZmtpErrorKind, message: RegExp): void {
  assert.throws(
    () => checkGreeting(bytes),
    (error) => error instanceof ZmtpError && error.kind === kind && message.test(error.message),
  );
}

test('a greeting is signature, version 3.1, mechanism, part and zeros', () => {
  const expected = `ff00000000000000017f0301${Buffer.from('NULL').toString('hex')}${'00'.repeat(48)}`;
  assert.equal(greeting().toString('hex'), expected);
  assert.equal(greeting().length, GREETING_BYTES);
  assert.equal(encodeGreeting('PLAIN', true)[32], 1);
});

test('an invalid mechanism name is refused when it is written', () => {
  for (const name of ['', 'null', 'A B', 'X'.repeat(21)]) {
    assert.throws(() => encodeGreeting(name, false), RangeError);
  }
});

test('every beginning of a greeting passes', () => {
  for (let length = 0; length <= GREETING_BYTES; length++) checkGreeting(greeting().subarray(0, length));
});

test('the padding of the signature may be anything', () => {
  checkGreeting(greeting({ 1: 9, 8: 255 }));
});

test('other protocols are refused by their first byte', () => {
  refused(Buffer.from('G'), 'malformed', /not a ZMTP greeting/);
  refused(Buffer.of(0x01), 'malformed', /not a ZMTP greeting/);
});

test('peers of ZMTP 1.0 and 2.0 are refused as too old', () => {
  refused(Buffer.from('ff00000000000000ff00', 'hex'), 'version', /ZMTP 1\.0/);
  refused(greeting({ 10: 1 }).subarray(0, 11), 'version', /ZMTP 2\.0/);
  refused(greeting({ 10: 0 }), 'version', /revision 0/);
  refused(greeting({ 10: 2 }), 'version', /revision 2/);
});

test('a signature that does not end in 0x7f is refused', () => {
  refused(greeting({ 9: 0x7d }), 'malformed', /signature/);
});

test('the lower version of both is spoken', () => {
  assert.equal(parseGreeting(greeting()).minor, 1);
  assert.equal(parseGreeting(greeting({ 11: 0 })).minor, 0);
  assert.equal(parseGreeting(greeting({ 11: 7 })).minor, 1);
  assert.equal(parseGreeting(greeting({ 10: 4, 11: 0 })).minor, 1);
});

test('the mechanism and the part in it are read', () => {
  assert.deepEqual(parseGreeting(encodeGreeting('CURVE', true)), { minor: 1, mechanism: 'CURVE', asServer: true });
  assert.equal(parseGreeting(encodeGreeting('X'.repeat(20), false)).mechanism, 'X'.repeat(20));
});

test('a mechanism must have a name, and zeros behind it', () => {
  for (const [index, value] of [
    [12, 0],
    [12, 0x6e],
    [20, 0x41],
  ] as const) {
    assert.throws(() => parseGreeting(greeting({ [index]: value })), ZmtpError);
  }
});
