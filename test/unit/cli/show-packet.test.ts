import assert from 'node:assert/strict';
import { test } from 'node:test';
import { printable, showPacket } from '../../../src/cli/show-packet.ts';
import { RequestPacket, ResponsePacket } from '../../../src/codec/zhttp/index.ts';

test('a request is shown with its fields, under their ZHTTP names', () => {
  const packet = Object.assign(new RequestPacket(), {
    from: 'me',
    ids: [{ id: 'a', seq: 0 }],
    method: 'POST',
    uri: 'http://a/',
    headers: ['Host', 'a', 'X-A', 'b'],
    body: Buffer.from('hello\n'),
    credits: 10,
    stream: true,
    timeout: 500,
    connectHost: 'b',
    connectPort: 80,
    ignoreTlsErrors: true,
  });
  assert.equal(
    showPacket(packet),
    'data from=me id=a seq=0 headers=[Host: a | X-A: b] body=(6 bytes) "hello\\n" credits=10 method=POST uri=http://a/ stream timeout=500 connect-host=b connect-port=80 ignore-tls-errors',
  );
});

test('a response has its type first, and may be for several sessions', () => {
  const ids = [
    { id: 'a', seq: 1 },
    { id: 'b', seq: null },
  ];
  assert.equal(
    showPacket(Object.assign(new ResponsePacket(), { type: 'keep-alive', ids })),
    'keep-alive id=a seq=1 id=b',
  );
  const rejected = { type: 'error', condition: 'rejected', code: 403, reason: 'Forbidden' };
  assert.equal(
    showPacket(Object.assign(new ResponsePacket(), rejected)),
    'error condition=rejected code=403 reason=Forbidden',
  );
});

test('only the beginning of a long body is shown', () => {
  const body = Buffer.alloc(61, 'x');
  assert.equal(showPacket(Object.assign(new ResponsePacket(), { body })), `data body=(61 bytes) "${'x'.repeat(60)}"…`);
});

test('shown text has no control sequences for a terminal', () => {
  const packet = Object.assign(new ResponsePacket(), {
    reason: '\x1b[2J',
    headers: ['X', 'a\x9bb'],
    body: Buffer.from([0x9b, 0x1b]),
  });
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not be there.
  assert.doesNotMatch(showPacket(packet), /[\x00-\x1f\x7f-\x9f]/);
  assert.equal(printable('a\x1b\r\n\x7f\x85ü'), 'a\\x1b\\x0d\\x0a\\x7f\\x85ü');
});
