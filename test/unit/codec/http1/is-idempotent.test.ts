import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isIdempotent } from '../../../../src/codec/http1/index.ts';

test('PUT, DELETE and the safe methods are idempotent (RFC 9110 §9.2.2)', () => {
  for (const method of ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']) assert.ok(isIdempotent(method), method);
  for (const method of ['POST', 'PATCH', 'CONNECT', 'QUERY', 'get', '']) assert.ok(!isIdempotent(method), method);
});
