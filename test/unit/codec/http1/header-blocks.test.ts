import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DEFAULT_LIMITS, Http1Error, type Http1Limits, RequestHeadReader } from '../../../../src/codec/http1/index.ts';

const HEADS = [
  'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET /other HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: b\r\n\r\n',
  'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n',
  'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nExpect: 100-continue\r\n\r\n',
  'GET / HTTP/1.0\r\n\r\n',
  'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: a\r\nConnection: close, x\r\n\r\n',
  `GET / HTTP/1.1\r\nHost: a\r\nCookie: ${'c'.repeat(4_000)}\r\n\r\n`,
  '\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n',
  // Refused, the first time and later.
  'GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n',
  'GET / HTTP/1.1\r\nX: 1\r\n\r\n',
  'GET / HTTP/1.1\nHost: a\r\n\r\n',
  'GET  / HTTP/1.1\r\nHost: a\r\n\r\n',
  'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n',
  'no request line\r\nnor a field\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: a\r\nno field\r\n\r\n',
  // Complete at an earlier empty line where line ends are lenient.
  'GET / HTTP/1.1\r\nHost: a\nX: 1\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: a\n\nGET / HTTP/1.1\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: a\n\r\nX: 1\r\n\r\n',
  'GET / HTTP/1.1\r\n\nHost: a\r\n\r\n',
];

const LENIENT = { ...DEFAULT_LIMITS, lenientLineEnds: true };

/** The head at the beginning of `text`, or why it is refused. */
function read(text: string, limits: Http1Limits): unknown {
  const reader = new RequestHeadReader(limits);
  try {
    return [reader.read(Buffer.from(text, 'latin1'), 0), reader.offset];
  } catch (error) {
    assert.ok(error instanceof Http1Error);
    return [error.kind, error.message];
  }
}

for (const [what, base] of [
  ['request heads with known field lines', DEFAULT_LIMITS],
  ['request heads with known field lines and lenient line ends', LENIENT],
] as const) {
  describe(what, () => {
    for (const head of HEADS) {
      test(`are read as any other: ${JSON.stringify(head.slice(0, 60))}`, () => {
        const limits = { ...base };
        // The first time they are unknown, the second time they are kept, and then they are found.
        for (let i = 0; i < 4; i++) assert.deepEqual(read(`${head}behind`, limits), read(`${head}behind`, { ...base }));
      });
    }

    test('are told apart when they come in turn', () => {
      const limits = { ...base };
      for (let i = 0; i < 5; i++)
        for (const head of HEADS) assert.deepEqual(read(head, limits), read(head, { ...base }));
    });

    test('share one list of headers', () => {
      const limits = { ...base };
      const headers = [1, 2, 3, 4].map(() => {
        const head = new RequestHeadReader(limits).read(Buffer.from(HEADS[0] as string), 0);
        return head?.headers;
      });
      assert.notEqual(headers[0], headers[1]);
      assert.equal(headers[1], headers[2]);
      assert.equal(headers[2], headers[3]);
    });

    test('are told apart by any one byte', () => {
      const limits = { ...base };
      const head = `GET / HTTP/1.1\r\nHost: a\r\nCookie: ${'c'.repeat(100)}\r\n\r\n`;
      for (let i = 0; i < 3; i++) read(head, limits);
      for (let at = 16; at < head.length - 4; at++) {
        const changed = `${head.slice(0, at)}x${head.slice(at + 1)}`;
        for (let i = 0; i < 3; i++) assert.deepEqual(read(changed, limits), read(changed, { ...base }), `byte ${at}`);
      }
    });
  });
}
