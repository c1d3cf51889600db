import assert from 'node:assert/strict';
import { test } from 'node:test';
import { linkOrigin } from '../../../src/app/target-origin.ts';

test('A link leads to its host, over verified TLS where it says https', () => {
  const plain = linkOrigin(new URL('http://a.example/x'), false);
  assert.deepEqual([plain.name, plain.tls, plain.guard], ['a.example:80', null, null]);
  assert.equal(linkOrigin(new URL('http://a.example:8080/'), false).port, 8080);
  const { name, tls } = linkOrigin(new URL('https://a.example/'), false);
  assert.deepEqual([name, tls?.serverName, tls?.verify], ['a.example:443', 'a.example', true]);
});

test('A link of an untrusted target does not lead to internal addresses', () => {
  const { guard } = linkOrigin(new URL('http://127.0.0.1/'), true);
  assert.notEqual(guard, null);
});
