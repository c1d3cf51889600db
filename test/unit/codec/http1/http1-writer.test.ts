import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  chunkHeader,
  encodeChunk,
  Http1Error,
  LAST_CHUNK,
  requestHeadText,
  responseHeadText,
} from '../../../../src/codec/http1/index.ts';

/** What would end a line or the message for some recipient, or cannot be written as one byte. */
const SPLITTING = [
  '\r',
  '\n',
  '\r\n',
  '\r\n\r\n',
  '\0',
  'a\rb',
  'a\nb',
  'a\0b',
  '\r\nX: y',
  'a\u010a',
  '\u0d0a',
  '\u2028',
  '😀',
];
const CONTROLS = ['\x01', '\x0b', '\x0c', '\x1b', '\x7f'];

function refuses(write: () => string): void {
  assert.throws(write, (error) => error instanceof Http1Error && error.kind === 'unwritable');
}

describe('responseHeadText', () => {
  test('writes the status line and the fields, and no empty line', () => {
    assert.equal(
      responseHeadText(404, 'Not Found', ['X-A', '1', 'x-a', '2', 'Empty', '']),
      'HTTP/1.1 404 Not Found\r\nX-A: 1\r\nx-a: 2\r\nEmpty: \r\n',
    );
  });

  test('writes the space before an empty reason', () => {
    assert.equal(responseHeadText(299, '', []), 'HTTP/1.1 299 \r\n');
  });

  test('writes tabs and bytes beyond ASCII', () => {
    assert.equal(responseHeadText(200, 'a\t\xe9', ['X', '\x80\t\xff']), 'HTTP/1.1 200 a\t\xe9\r\nX: \x80\t\xff\r\n');
  });

  test('leaves out the fields that frame the body or belong to the connection', () => {
    const headers = [
      'Content-Length',
      '5',
      'TRANSFER-ENCODING',
      'chunked',
      'connection',
      'close',
      'Keep-Alive',
      'x',
      'A',
      'b',
    ];
    assert.equal(responseHeadText(200, 'OK', headers), 'HTTP/1.1 200 OK\r\nA: b\r\n');
  });

  test('keeps Content-Length, and only that, where it is said to describe another body', () => {
    const headers = ['Content-Length', '5', 'Transfer-Encoding', 'chunked', 'Connection', 'close', 'Keep-Alive', 'x'];
    assert.equal(
      responseHeadText(304, 'Not Modified', headers, true),
      'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n',
    );
  });

  for (const status of [99, 1000, 0, -200, 200.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    test(`refuses ${status} as a status`, () => {
      refuses(() => responseHeadText(status, '', []));
    });
  }

  for (const status of [100, 999]) {
    test(`writes ${status} as a status`, () => {
      assert.equal(responseHeadText(status, '', []), `HTTP/1.1 ${status} \r\n`);
    });
  }

  for (const text of [...SPLITTING, ...CONTROLS]) {
    test(`refuses ${JSON.stringify(text)} in a reason`, () => refuses(() => responseHeadText(200, text, [])));
    test(`refuses ${JSON.stringify(text)} in a value`, () => refuses(() => responseHeadText(200, 'OK', ['X', text])));
    test(`refuses ${JSON.stringify(text)} in a name`, () => refuses(() => responseHeadText(200, 'OK', [text, 'x'])));
  }

  for (const name of [
    '',
    ' ',
    'X ',
    ' X',
    'X:',
    'X Y',
    'X\t',
    '(X)',
    '"X"',
    'X\xe9',
    'Content-Length ',
    'Transfer-Encoding:',
  ]) {
    test(`refuses ${JSON.stringify(name)} as a name`, () => refuses(() => responseHeadText(200, 'OK', [name, 'x'])));
  }

  test('refuses a bad value of a kept Content-Length', () => {
    refuses(() => responseHeadText(304, '', ['Content-Length', '5\r\nX: y'], true));
  });
});

describe('requestHeadText', () => {
  test('writes the request line and the fields, and no empty line', () => {
    assert.equal(requestHeadText('GET', '/a?b', ['Host', 'c']), 'GET /a?b HTTP/1.1\r\nHost: c\r\n');
  });

  test('writes the other forms of a target', () => {
    assert.equal(requestHeadText('OPTIONS', '*', []), 'OPTIONS * HTTP/1.1\r\n');
    assert.equal(requestHeadText('GET', 'http://a/b', []), 'GET http://a/b HTTP/1.1\r\n');
  });

  test('leaves out the fields that frame the body or belong to the connection', () => {
    assert.equal(
      requestHeadText('GET', '/', [
        'content-length',
        '1',
        'Transfer-Encoding',
        'x',
        'CONNECTION',
        'x',
        'keep-alive',
        'x',
      ]),
      'GET / HTTP/1.1\r\n',
    );
  });

  for (const method of ['', 'G T', 'GET ', 'GET\t', 'GET\r\n', 'G(T', 'G\xc9T', 'G\0']) {
    test(`refuses ${JSON.stringify(method)} as a method`, () => refuses(() => requestHeadText(method, '/', [])));
  }

  for (const target of [
    '',
    ' ',
    '/ ',
    '/a b',
    '/\t',
    '/\x7f',
    '/#a',
    '/\xe9',
    ...SPLITTING.map((text) => `/${text}`),
  ]) {
    test(`refuses ${JSON.stringify(target)} as a target`, () => refuses(() => requestHeadText('GET', target, [])));
  }

  for (const text of [...SPLITTING, ...CONTROLS]) {
    test(`refuses ${JSON.stringify(text)} in a value`, () => refuses(() => requestHeadText('GET', '/', ['X', text])));
  }
});

describe('chunks', () => {
  test('a chunk header is the size in hexadecimal digits', () => {
    assert.equal(chunkHeader(10), 'a\r\n');
    assert.equal(chunkHeader(65_536), '10000\r\n');
  });

  test('a chunk is its header, the data, and a line end', () => {
    assert.equal(encodeChunk(Buffer.from('hello, wörld\r\n')).toString('latin1'), 'f\r\nhello, w\xc3\xb6rld\r\n\r\n');
  });

  test('the last chunk has no trailers', () => {
    assert.equal(LAST_CHUNK, '0\r\n\r\n');
  });
});
