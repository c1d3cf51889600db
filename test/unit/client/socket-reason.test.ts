import assert from 'node:assert/strict';
import { test } from 'node:test';
import { socketErrorCodes, socketReason } from '../../../src/client/socket-reason.ts';

function systemError(code: string): Error {
  return Object.assign(new Error(`connect ${code}`), { code });
}

test('A known code is put into words', () => {
  assert.equal(socketReason(systemError('ECONNREFUSED')), 'connection refused');
});

test('A code without words of its own is named', () => {
  assert.equal(socketReason(systemError('ENOBUFS')), 'connection failed with ENOBUFS');
});

test('Several attempts count once for each code', () => {
  const codes = ['ECONNREFUSED', 'ENETUNREACH', 'ECONNREFUSED'];
  const error = new AggregateError(codes.map(systemError));
  assert.deepEqual(socketErrorCodes(error), ['ECONNREFUSED', 'ENETUNREACH']);
  assert.equal(socketReason(error), 'connection refused, no route to its network');
});

test('An error without a code gives its message, or the bare fact', () => {
  assert.equal(socketReason(new Error('closed')), 'closed');
  assert.equal(socketReason(new Error('')), 'connection failed');
});
