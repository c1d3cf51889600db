import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isTlsError, socketReason } from '../../../src/client/socket-reason.ts';

function systemError(code: string, rest: object = {}): Error {
  return Object.assign(new Error(`read ${code}`), { code, ...rest });
}

test('A known code has a text', () => {
  assert.equal(socketReason(systemError('ECONNRESET')), 'connection reset');
});

test('A code without a text is named', () => {
  assert.equal(socketReason(systemError('ENOBUFS')), 'connection failed with ENOBUFS');
});

test('An error of TLS shows its reason, or at least its code', () => {
  const error = systemError('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', {
    reason: 'tlsv13 alert certificate required',
  });
  assert.equal(socketReason(error), 'TLS failed: tlsv13 alert certificate required');
  assert.equal(socketReason(systemError('ERR_SSL_BAD_THING')), 'TLS failed: ERR_SSL_BAD_THING');
  assert.equal(isTlsError(error), true);
  assert.equal(isTlsError(systemError('ECONNRESET')), false);
  assert.equal(isTlsError(new Error('closed')), false);
});

test('An error without a code shows its message, or a general text', () => {
  assert.equal(socketReason(new Error('closed')), 'closed');
  assert.equal(socketReason(new Error('')), 'connection failed');
});
