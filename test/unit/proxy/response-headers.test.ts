import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endToEndHeaders } from '../../../src/proxy/response-headers.ts';

test('A response without fields of its connection passes as it is, without a copy', () => {
  const headers = [
    'Server',
    'x',
    'Set-Cookie',
    'a=1',
    'Set-Cookie',
    'b=2',
    'Content-Encoding',
    'gzip',
    'Connection',
    'keep-alive',
  ];
  assert.equal(endToEndHeaders(headers, 200), headers);
});

test('Connection with only close or keep-alive names no field', () => {
  for (const value of ['close', 'Close', 'keep-alive', 'Keep-Alive']) {
    const headers = ['close', 'x', 'Connection', value];
    assert.equal(endToEndHeaders(headers, 200), headers);
  }
});

test('Fields that any Connection field names are removed, whatever their case', () => {
  const headers = ['X-One', '1', 'CONNECTION', 'close, x-one', 'x-two', '2', 'connection', ',X-TWO,', 'X-Three', '3'];
  assert.deepEqual(endToEndHeaders(headers, 200), [
    'CONNECTION',
    'close, x-one',
    'connection',
    ',X-TWO,',
    'X-Three',
    '3',
  ]);
});

test('Connection-specific fields are removed without being named', () => {
  const headers = ['TE', 'x', 'Upgrade', 'h2c', 'Trailer', 'X-Sum', 'Proxy-Connection', 'close', 'Vary', '*'];
  assert.deepEqual(endToEndHeaders(headers, 200), ['Vary', '*']);
});

test('Other fields of the same lengths stay', () => {
  const headers = [
    'ab',
    'x',
    'Expires',
    '0',
    'Set-Cookie',
    'a=1',
    'Content-Language',
    'en',
    'WWW-Authenticate',
    'Basic',
  ];
  assert.equal(endToEndHeaders(headers, 200), headers);
});

test('a 426 keeps Upgrade, by which it says what the client may use instead', () => {
  const headers = ['Upgrade', 'websocket', 'Connection', 'Upgrade', 'X', '1'];
  assert.deepEqual(endToEndHeaders(headers, 200), ['Connection', 'Upgrade', 'X', '1']);
  assert.deepEqual(endToEndHeaders(headers, 426), headers);
});
