import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type BodyReader,
  bodyReader,
  CHUNKED,
  DEFAULT_LIMITS,
  Http1Error,
  type Http1ErrorKind,
  UNTIL_CLOSE,
} from '../../../../src/codec/http1/index.ts';

const ENDLESS = Number.POSITIVE_INFINITY;

function reader(bodyLength: number): BodyReader {
  return bodyReader(bodyLength, DEFAULT_LIMITS);
}

function bytes(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

function refuses(kind: Http1ErrorKind, run: () => unknown): void {
  assert.throws(run, (error) => error instanceof Http1Error && error.kind === kind);
}

describe('a body with a length', () => {
  test('gives a view of the input, and leaves what follows', () => {
    const body = reader(3);
    const input = bytes('xabcdef');
    assert.equal(body.read(input, 1, ENDLESS), 4);
    assert.equal(body.data?.toString(), 'abc');
    assert.equal(body.data?.buffer, input.buffer);
    assert.equal(body.done, true);
  });

  test('is done at once if it is empty', () => {
    const body = reader(0);
    assert.equal(body.done, true);
    assert.equal(body.read(bytes('abc'), 0, ENDLESS), 0);
    assert.equal(body.data, null);
    assert.doesNotThrow(() => body.end());
  });

  test('gives no more than its credit', () => {
    const body = reader(5);
    const input = bytes('abcde');
    assert.equal(body.read(input, 0, 2), 2);
    assert.equal(body.data?.toString(), 'ab');
    assert.equal(body.read(input, 2, 0), 2);
    assert.equal(body.data, null);
    assert.equal(body.done, false);
  });

  test('is truncated if the connection ends before it', () => {
    const body = reader(5);
    body.read(bytes('abcd'), 0, ENDLESS);
    refuses('truncated', () => body.end());
  });

  test('may end with the connection', () => {
    const body = reader(4);
    body.read(bytes('abcd'), 0, ENDLESS);
    assert.doesNotThrow(() => body.end());
  });

  test('has no trailers', () => {
    assert.equal(reader(0).trailers, undefined);
  });
});

describe('a body until the connection closes', () => {
  test('is done when the connection ends', () => {
    const body = reader(UNTIL_CLOSE);
    assert.equal(body.read(bytes('abc'), 0, ENDLESS), 3);
    assert.equal(body.data?.toString(), 'abc');
    assert.equal(body.done, false);
    body.end();
    assert.equal(body.data, null);
    assert.equal(body.done, true);
  });

  test('gives no more than its credit', () => {
    const body = reader(UNTIL_CLOSE);
    assert.equal(body.read(bytes('abc'), 0, 2), 2);
    assert.equal(body.data?.toString(), 'ab');
    assert.equal(body.read(bytes('abc'), 2, 0), 2);
    assert.equal(body.data, null);
  });
});

describe('a chunked body', () => {
  test('gives one piece of data at a read, and takes the framing along', () => {
    const body = reader(CHUNKED);
    const input = bytes('3\r\nabc\r\n2\r\nde\r\n0\r\n\r\nnext');
    assert.equal(body.read(input, 0, ENDLESS), 11);
    assert.equal(body.data?.toString(), 'abc');
    assert.equal(body.read(input, 11, ENDLESS), input.length - 4);
    assert.equal(body.data?.toString(), 'de');
    assert.equal(body.done, true);
  });

  test('reads framing without credit, and stops before the data', () => {
    const body = reader(CHUNKED);
    const input = bytes('3\r\nabc\r\n');
    const read = (offset: number, credit: number) => [body.read(input, offset, credit), body.data?.toString()];
    assert.deepEqual(read(0, 0), [3, undefined]);
    assert.deepEqual(read(3, 0), [3, undefined]);
    assert.deepEqual(read(3, 2), [5, 'ab']);
  });

  test('can end without credit', () => {
    const body = reader(CHUNKED);
    assert.equal(body.read(bytes('0\r\n\r\n'), 0, 0), 5);
    assert.equal(body.done, true);
    assert.doesNotThrow(() => body.end());
  });

  test('reads nothing after its end', () => {
    const body = reader(CHUNKED);
    body.read(bytes('0\r\n\r\n'), 0, ENDLESS);
    assert.equal(body.read(bytes('3\r\n'), 0, ENDLESS), 0);
    assert.equal(body.data, null);
  });

  test('gives the data before it refuses what follows', () => {
    const body = reader(CHUNKED);
    const input = bytes('3\r\nabcX');
    assert.equal(body.read(input, 0, ENDLESS), 6);
    assert.equal(body.data?.toString(), 'abc');
    assert.equal(body.done, false);
    refuses('malformed', () => body.read(input, 6, ENDLESS));
    refuses('malformed', () => body.read(input, 6, ENDLESS));
    assert.equal(body.data, null);
  });

  test('has its trailers when it is done', () => {
    const body = reader(CHUNKED);
    assert.deepEqual(body.trailers, []);
    body.read(bytes('0\r\nX: 1\r\n\r\n'), 0, ENDLESS);
    assert.deepEqual(body.trailers, ['X', '1']);
  });

  for (const cut of [
    '',
    '3',
    '3\r',
    '3\r\n',
    '3\r\nab',
    '3\r\nabc',
    '3\r\nabc\r',
    '3\r\nabc\r\n',
    '0',
    '0\r\n',
    '0\r\n\r',
    '0\r\nX: y\r\n',
  ]) {
    test(`is truncated if the connection ends after ${JSON.stringify(cut)}`, () => {
      const body = reader(CHUNKED);
      const input = bytes(cut);
      for (let offset = 0; offset < input.length; ) offset = body.read(input, offset, ENDLESS);
      refuses('truncated', () => body.end());
    });
  }
});
