import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requestText } from '../../../src/client/request-text.ts';
import { Http1Error } from '../../../src/codec/http1/index.ts';
import { UNKNOWN_LENGTH } from '../../../src/exchange/index.ts';
import { requestHead } from '../../support/exchange/request-head.ts';

test('Fields are written as they are, in their order and with their case, repeated ones included', () => {
  const headers = ['X-One', 'a', 'host', 'b.example', 'x-ONE', 'c', 'Accept-Encoding', 'br'];
  assert.equal(
    requestText(requestHead({ target: '/a?b=c', headers })),
    'GET /a?b=c HTTP/1.1\r\nX-One: a\r\nhost: b.example\r\nx-ONE: c\r\nAccept-Encoding: br\r\n\r\n',
  );
});

test('Fields that frame the body or belong to the connection are replaced by what this connection needs', () => {
  const headers = ['Host', 'a', 'content-length', '9', 'Transfer-Encoding', 'chunked', 'X', 'y', 'CONNECTION', 'close'];
  headers.push('Keep-Alive', 'timeout=5', 'Expect', '100-continue');
  assert.equal(
    requestText(requestHead({ method: 'POST', headers, bodyLength: 3 })),
    'POST / HTTP/1.1\r\nHost: a\r\nX: y\r\nContent-Length: 3\r\n\r\n',
  );
});

test('A body of unknown length is announced as chunked', () => {
  assert.equal(
    requestText(requestHead({ method: 'DELETE', bodyLength: UNKNOWN_LENGTH })),
    'DELETE / HTTP/1.1\r\nHost: example.com\r\nTransfer-Encoding: chunked\r\n\r\n',
  );
});

for (const method of ['POST', 'PUT', 'PATCH', 'PROPFIND', 'get']) {
  test(`${method} without a body has Content-Length: 0`, () => {
    assert.equal(
      requestText(requestHead({ method })),
      `${method} / HTTP/1.1\r\nHost: example.com\r\nContent-Length: 0\r\n\r\n`,
    );
  });
}

for (const method of ['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE']) {
  test(`${method} without a body has no framing fields`, () => {
    assert.equal(requestText(requestHead({ method })), `${method} / HTTP/1.1\r\nHost: example.com\r\n\r\n`);
  });
}

test('A request without Host gets one from its authority, as the first field', () => {
  assert.equal(
    requestText(requestHead({ headers: ['A', 'b'], authority: 'x.example:81' })),
    'GET / HTTP/1.1\r\nHost: x.example:81\r\nA: b\r\n\r\n',
  );
  assert.equal(requestText(requestHead({ headers: [], authority: '' })), 'GET / HTTP/1.1\r\nHost: \r\n\r\n');
});

for (const [what, fields] of [
  ['a line end in a header value', { headers: ['Host', 'a', 'X', 'b\r\nY: c'] }],
  ['a space in the target', { target: '/a b' }],
  ['a line end in the method', { method: 'GET\r\n' }],
] as const) {
  test(`A request with ${what} is not written`, () => {
    assert.throws(
      () => requestText(requestHead({ ...fields, headers: 'headers' in fields ? [...fields.headers] : ['Host', 'a'] })),
      (error) => error instanceof Http1Error && error.kind === 'unwritable',
    );
  });
}
