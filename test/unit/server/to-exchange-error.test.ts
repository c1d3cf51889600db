import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Http1Error, type Http1ErrorKind } from '../../../src/codec/http1/index.ts';
import { ExchangeError } from '../../../src/exchange/index.ts';
import { toExchangeError } from '../../../src/server/to-exchange-error.ts';

test('each kind of malformed message has its status', () => {
  const statuses: Record<Http1ErrorKind, number> = {
    malformed: 400,
    truncated: 400,
    'target-too-long': 414,
    'head-too-large': 431,
    method: 501,
    'transfer-coding': 501,
    version: 505,
    unwritable: 502,
  };
  for (const [kind, status] of Object.entries(statuses)) {
    const error = toExchangeError(new Http1Error(kind as Http1ErrorKind, 'what happened'));
    assert.deepEqual([error.face.status, error.detail], [status, 'what happened']);
  }
});

test('an error of the catalogue stays as it is', () => {
  const error = new ExchangeError('HF_EXPECTATION');
  assert.equal(toExchangeError(error), error);
});

test('anything else is an internal error with its stack, or its text, as detail', () => {
  const error = toExchangeError(new TypeError('x is not a function'));
  assert.equal(error.code, 'HF_INTERNAL');
  assert.match(error.detail, /^TypeError: x is not a function\n {4}at /);
  assert.equal(toExchangeError('thrown text').detail, 'thrown text');
});
