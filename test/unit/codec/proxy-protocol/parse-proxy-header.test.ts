import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseProxyHeader } from '../../../../src/codec/proxy-protocol/index.ts';

const SIGNATURE = '0d0a0d0a000d0a515549540a';

function text(line: string): Buffer {
  return Buffer.from(line, 'latin1');
}

/** A header of version 2. */
function binary(command: string, kind: string, rest: string): Buffer {
  const bytes = Buffer.from(rest, 'hex');
  const head = Buffer.from(`${SIGNATURE}${command}${kind}0000`, 'hex');
  head.writeUInt16BE(bytes.length, 14);
  return Buffer.concat([head, bytes]);
}

const IPV6 = '20010db8000000000000000000000001';

for (const [what, bytes, source] of [
  ['TCP4 in text', text('PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n'), ['192.0.2.1', 56324]],
  ['TCP6 in text', text('PROXY TCP6 2001:db8::1 ::1 1 65535\r\n'), ['2001:db8::1', 1]],
  ['UNKNOWN alone', text('PROXY UNKNOWN\r\n'), null],
  ['UNKNOWN with more', text(`PROXY UNKNOWN ${'f'.repeat(80)}\r\n`), null],
  ['TCP4 in binary', binary('21', '11', 'c0000201c6336401dc0401bb'), ['192.0.2.1', 56324]],
  ['TCP6 in binary', binary('21', '21', `${IPV6}${IPV6}0001ffff`), ['2001:db8::1', 1]],
  ['further fields', binary('21', '11', `c0000201c6336401dc0401bb${'04000100'.repeat(9)}`), ['192.0.2.1', 56324]],
  ['LOCAL', binary('20', '00', ''), null],
  ['LOCAL with addresses', binary('20', '11', 'c0000201c6336401dc0401bb'), null],
  ['an unspecified family', binary('21', '00', ''), null],
  ['a unix socket', binary('21', '31', '00'.repeat(216)), null],
  ['UDP', binary('21', '12', 'c0000201c6336401dc0401bb'), null],
] as const) {
  test(`a PROXY header is read: ${what}`, () => {
    const expected = source === null ? null : { address: source[0], port: source[1] };
    const whole = Buffer.concat([bytes, Buffer.from('GET / HTTP/1.1\r\n')]);
    assert.deepEqual(parseProxyHeader(whole), { length: bytes.length, source: expected });
    for (let length = 0; length < bytes.length; length++) {
      assert.equal(parseProxyHeader(bytes.subarray(0, length)), null, `${length} bytes`);
    }
  });
}

for (const [what, bytes, message] of [
  ['a request', text('GET / HTTP/1.1\r\n'), /does not begin with a PROXY header/],
  ['another first byte', text('x'), /does not begin/],
  ['a line without end', text('PROXY TCP4 '.padEnd(107, '1')), /longer than 107 bytes/],
  ['a line that ends too late', text(`PROXY UNKNOWN ${'f'.repeat(100)}\r\n`), /longer than 107 bytes/],
  ['an unknown protocol', text('PROXY UDP4 1.1.1.1 2.2.2.2 1 2\r\n'), /malformed/],
  ['the wrong family', text('PROXY TCP4 ::1 ::1 1 2\r\n'), /malformed/],
  ['no ports', text('PROXY TCP4 1.1.1.1 2.2.2.2\r\n'), /malformed/],
  ['a port too large', text('PROXY TCP4 1.1.1.1 2.2.2.2 65536 1\r\n'), /malformed/],
  ['a port with a leading zero', text('PROXY TCP4 1.1.1.1 2.2.2.2 01 1\r\n'), /malformed/],
  ['something at the end', text('PROXY TCP4 1.1.1.1 2.2.2.2 1 1 \r\n'), /malformed/],
  ['two spaces', text('PROXY TCP4  1.1.1.1 2.2.2.2 1 1\r\n'), /malformed/],
  ['an octal address', text('PROXY TCP4 01.1.1.1 2.2.2.2 1 1\r\n'), /malformed/],
  ['another version', binary('31', '11', 'c0000201c6336401dc0401bb'), /version or command/],
  ['an unknown command', binary('22', '11', 'c0000201c6336401dc0401bb'), /version or command/],
  ['addresses that are too short', binary('21', '11', 'c0000201'), /incomplete/],
  ['too many fields', binary('21', '11', '00'.repeat(4_081)), /longer than 4096 bytes/],
] as const) {
  test(`not a PROXY header: ${what}`, () => {
    assert.throws(() => parseProxyHeader(bytes), { name: 'ProxyHeaderError', message });
  });
}
