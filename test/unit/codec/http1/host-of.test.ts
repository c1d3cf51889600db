import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostOf } from '../../../../src/codec/http1/index.ts';

test('the host of an authority has no port, is in lower case, and is in brackets if it is an IPv6 address', () => {
  for (const [authority, host] of [
    ['Example.COM', 'example.com'],
    ['Example.COM:8080', 'example.com'],
    ['example.com:', 'example.com'],
    ['127.0.0.1:80', '127.0.0.1'],
    ['[::1]', '[::1]'],
    ['[2001:DB8::1]:443', '[2001:db8::1]'],
    [':80', ''],
    ['', ''],
  ] as const) {
    assert.equal(hostOf(authority), host, authority);
  }
});
