import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ExchangeError, OriginCounters } from '../../../src/exchange/index.ts';
import { LoggedExchange } from '../../../src/mongrel2/logged-exchange.ts';
import { RecordingRequester } from '../../support/exchange/recording-requester.ts';
import { requestHead } from '../../support/exchange/request-head.ts';

const PEER = { address: '127.0.0.1', port: 1 };

function logged(): { exchange: LoggedExchange; lines: string[]; requester: RecordingRequester } {
  const lines: string[] = [];
  const log = { write: (line: string) => void lines.push(line.slice(line.indexOf('HTTP/1.1,') + 9)) };
  const request = { host: 'h', peer: PEER, time: 1, method: 'GET', path: '/', version: 'HTTP/1.1' };
  const requester = new RecordingRequester(requestHead());
  return { exchange: new LoggedExchange(requester, new OriginCounters(), log, request), lines, requester };
}

const HEAD = { status: 206, reason: '', headers: [], bodyLength: 11 };

test('a line has the status and the bytes of the response, once it is complete', () => {
  const { exchange, lines, requester } = logged();
  exchange.onResponse(HEAD);
  exchange.onResponseData(Buffer.from('hello '), true);
  assert.deepEqual(lines, []);
  exchange.onResponseData(Buffer.from('world'), false);
  assert.deepEqual(lines, ['3:206#2:11#]\n']);
  assert.deepEqual(requester.take(), ['head 206', 'data "hello " more', 'data "world"']);
});

test('a failed request has the status that the client gets', () => {
  const { exchange, lines } = logged();
  exchange.onResponseError(new ExchangeError('HF_ORIGIN_UNREACHABLE'));
  assert.deepEqual(lines, ['3:502#2:11#]\n']);
});

test('a response that is cut off has the bytes that were sent', () => {
  const { exchange, lines } = logged();
  exchange.onResponse(HEAD);
  exchange.onResponseData(Buffer.from('hello '), true);
  exchange.onResponseError(new ExchangeError('HF_ORIGIN_TRUNCATED'));
  assert.deepEqual(lines, ['3:206#1:6#]\n']);
});

test('a client that leaves before its response has the status 0', () => {
  const { exchange, lines } = logged();
  exchange.onRequestError(new ExchangeError('HF_CLIENT_GONE'));
  assert.deepEqual(lines, ['1:0#1:0#]\n']);
});

test('bytes that are lent are counted, and lent on where the requester takes loans', () => {
  const { exchange, lines, requester } = logged();
  exchange.onResponse(HEAD);
  assert.equal(exchange.onResponseLoan(Buffer.from('hello'), true), false);
  Object.assign(requester, {
    onResponseLoan: (chunk: Buffer, more: boolean) => {
      requester.onResponseData(chunk, more);
      return true;
    },
  });
  assert.equal(exchange.onResponseLoan(Buffer.from(' '), true), true);
  assert.equal(exchange.onResponseLoan(Buffer.from('world'), false), false);
  assert.deepEqual(lines, ['3:206#2:11#]\n']);
  assert.deepEqual(requester.take(), ['head 206', 'data "hello" more', 'data " " more', 'data "world"']);
});
