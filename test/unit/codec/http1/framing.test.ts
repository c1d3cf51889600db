import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checkChunked, isPersistent, parseContentLength } from '../../../../src/codec/http1/framing.ts';
import { Http1Error, type Http1ErrorKind } from '../../../../src/codec/http1/index.ts';

function refuses(kind: Http1ErrorKind, run: () => unknown): void {
  assert.throws(run, (error) => error instanceof Http1Error && error.kind === kind);
}

describe('parseContentLength', () => {
  for (const [value, length] of [
    ['0', 0],
    ['7', 7],
    ['0000000000000010', 10],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
  ] as const) {
    test(`reads ${value}`, () => assert.equal(parseContentLength(value), length));
  }

  for (const value of [
    '',
    ' ',
    ' 5',
    '5 ',
    '+5',
    '-5',
    '5,5',
    '5.0',
    '0x5',
    '5e1',
    'five',
    '\u0665',
    '５',
    '\xb2',
    '1\0',
  ]) {
    test(`refuses ${JSON.stringify(value)}`, () => refuses('malformed', () => parseContentLength(value)));
  }

  for (const value of ['9007199254740992', '9999999999999999', '00000000000000001', '18446744073709551616']) {
    test(`refuses ${value}, which is over its bounds`, () => refuses('malformed', () => parseContentLength(value)));
  }
});

describe('checkChunked', () => {
  for (const value of ['chunked', 'Chunked', 'CHUNKED', ',chunked', 'chunked, ,', '\t chunked \t']) {
    test(`accepts ${JSON.stringify(value)}`, () => assert.doesNotThrow(() => checkChunked(value)));
  }

  for (const value of ['gzip, chunked', 'identity,chunked', 'x;y="chunked", chunked', '"chunked", chunked']) {
    test(`refuses ${JSON.stringify(value)} as a coding that is not spoken`, () => {
      refuses('transfer-coding', () => checkChunked(value));
    });
  }

  for (const value of [
    '',
    ',',
    'gzip',
    'identity',
    'chunked, gzip',
    'chunked, chunked',
    'chunked, gzip, chunked',
    'chunked;a=b',
    '"chunked"',
    'xchunked',
    'chunked x',
    '\xa0chunked',
    'chunked\x85',
    '","chunked',
  ]) {
    test(`refuses ${JSON.stringify(value)} as no framing`, () => refuses('malformed', () => checkChunked(value)));
  }
});

describe('isPersistent', () => {
  for (const [version, connection, persistent] of [
    ['1.1', null, true],
    ['1.0', null, false],
    ['1.1', '', true],
    ['1.0', '', false],
    ['1.1', 'close', false],
    ['1.0', 'close', false],
    ['1.1', 'keep-alive', true],
    ['1.0', 'keep-alive', true],
    ['1.0', 'Keep-Alive', true],
    ['1.0', 'x, KEEP-ALIVE ,', true],
    ['1.1', 'keep-alive, CLOSE', false],
    ['1.0', 'keep-alive,close', false],
    ['1.1', 'closed', true],
    ['1.1', 'close\xa0', true],
    ['1.0', 'keepalive', false],
    ['1.1', '"close"', true],
  ] as const) {
    const answer = persistent ? 'lasts' : 'ends';
    test(`a connection of HTTP/${version} with ${JSON.stringify(connection)} ${answer}`, () => {
      assert.equal(isPersistent(version, connection), persistent);
    });
  }
});
