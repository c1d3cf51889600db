import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isLoopback } from '../../../../src/codec/http1/index.ts';

test('localhost and loopback addresses stay on this machine, as in an address and as in a URL', () => {
  for (const host of ['localhost', '127.0.0.1', '127.255.0.9', '::1', '[::1]']) assert.ok(isLoopback(host), host);
});

test('other hosts do not, whatever they begin with', () => {
  for (const host of ['', 'a.example', '127.evil.example', 'localhost.evil.example', '10.0.0.1', '[::]', '0.0.0.0'])
    assert.ok(!isLoopback(host), host);
});
