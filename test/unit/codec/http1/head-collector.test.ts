import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HeadCollector } from '../../../../src/codec/http1/head-collector.ts';
import {
  DEFAULT_LIMITS,
  Http1Error,
  type Http1ErrorKind,
  type Http1Limits,
} from '../../../../src/codec/http1/index.ts';

const HEAD = 'GET / HTTP/1.1\r\nHost: a\r\n';

function collector(limits: Partial<Http1Limits> = {}): HeadCollector {
  return new HeadCollector({ ...DEFAULT_LIMITS, ...limits });
}

function bytes(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

function refuses(kind: Http1ErrorKind, run: () => unknown): void {
  assert.throws(run, (error) => error instanceof Http1Error && error.kind === kind);
}

describe('HeadCollector', () => {
  test('returns the lines of a head without the empty line, and where the next bytes begin', () => {
    const heads = collector();
    assert.equal(heads.collect(bytes(`xx${HEAD}\r\nbody`), 2), HEAD);
    assert.equal(heads.offset, 2 + HEAD.length + 2);
  });

  test('takes all input of an incomplete head', () => {
    const heads = collector();
    assert.equal(heads.collect(bytes(HEAD), 0), null);
    assert.equal(heads.offset, HEAD.length);
  });

  test('says whether a head has begun', () => {
    const heads = collector();
    assert.equal(heads.started, false);
    heads.collect(bytes('G'), 0);
    assert.equal(heads.started, true);
    heads.collect(bytes('ET / HTTP/1.1\r\n\r\n'), 0);
    assert.equal(heads.started, false);
  });

  test('ignores empty input', () => {
    const heads = collector();
    assert.equal(heads.collect(bytes(''), 0), null);
    assert.equal(heads.collect(bytes('abc'), 3), null);
    assert.equal(heads.started, false);
  });

  test('collects one head after the other from the same input', () => {
    const heads = collector();
    const input = bytes(`A\r\n\r\nB\r\nc\r\n\r\n`);
    assert.equal(heads.collect(input, 0), 'A\r\n');
    assert.equal(heads.collect(input, heads.offset), 'B\r\nc\r\n');
    assert.equal(heads.offset, input.length);
  });

  test('starts again after a head that came in pieces', () => {
    const heads = collector();
    heads.collect(bytes('A\r'), 0);
    assert.equal(heads.collect(bytes('\n\r\nB\r\n\r\n'), 0), 'A\r\n');
    assert.equal(heads.collect(bytes('B\r\n\r\n'), 0), 'B\r\n');
  });

  test('gives up at the first byte that begins no start line', () => {
    for (const first of [0x00, 0x16, 0x20, 0x09, 0x28, 0x3a, 0x7f, 0x80, 0xff]) {
      refuses('malformed', () => collector().collect(Buffer.from([first]), 0));
    }
  });

  test('gives up at the first bare LF', () => {
    assert.equal(collector().collect(bytes('GET / HTTP/1.1\nHost'), 0), 'GET / HTTP/1.1\n');
  });

  test('accepts a head of exactly maxHeadBytes, whole and in pieces', () => {
    const maxHeadBytes = HEAD.length + 2;
    assert.equal(collector({ maxHeadBytes }).collect(bytes(`${HEAD}\r\nrest`), 0), HEAD);
    const heads = collector({ maxHeadBytes });
    assert.equal(heads.collect(bytes(HEAD), 0), null);
    assert.equal(heads.collect(bytes('\r\nrest'), 0), HEAD);
  });

  test('refuses one byte more, whole and in pieces', () => {
    const maxHeadBytes = HEAD.length + 1;
    refuses('head-too-large', () => collector({ maxHeadBytes }).collect(bytes(`${HEAD}\r\n`), 0));
    const heads = collector({ maxHeadBytes });
    assert.equal(heads.collect(bytes(`${HEAD}\r`), 0), null);
    refuses('head-too-large', () => heads.collect(bytes('\n'), 0));
  });

  test('refuses a line without end as soon as it is too long', () => {
    const heads = collector({ maxHeadBytes: 100 });
    assert.equal(heads.collect(bytes('a'.repeat(100)), 0), null);
    refuses('target-too-long', () => heads.collect(bytes('a'), 0));
  });

  test('returns more lines than a head may have before its end has come', () => {
    const lines = `A\r\n${'X: y\r\n'.repeat(4)}`;
    assert.equal(collector({ maxHeaders: 2 }).collect(bytes(lines), 0), lines);
  });

  test('accepts 128 fields by default', () => {
    const head = `A\r\n${'X: y\r\n'.repeat(128)}`;
    const heads = collector();
    for (const piece of [head.slice(0, 100), head.slice(100)]) assert.equal(heads.collect(bytes(piece), 0), null);
    assert.equal(heads.collect(bytes('\r\n'), 0), head);
  });

  test('takes LF for a line end if it is lenient, in every mix with CRLF', () => {
    for (const first of ['\r\n', '\n']) {
      for (const second of ['\r\n', '\n']) {
        for (const last of ['\r\n', '\n']) {
          const lines = `A${first}X: y${second}`;
          assert.equal(collector({ lenientLineEnds: true }).collect(bytes(`${lines}${last}`), 0), lines);
        }
      }
    }
  });
});
