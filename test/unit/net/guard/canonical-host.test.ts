import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalHost } from '../../../../src/net/index.ts';

test('a name is in lower case, in ASCII, decoded and without dots at its end', () => {
  const names: [string, string][] = [
    ['example.com', 'example.com'],
    ['EXAMPLE.com', 'example.com'],
    ['example.com.', 'example.com'],
    ['example.com...', 'example.com'],
    ['ex%61mple%2Ecom', 'example.com'],
    ['münchen.de', 'xn--mnchen-3ya.de'],
    ['xn--MNCHEN-3ya.de', 'xn--mnchen-3ya.de'],
    ['a_b.c--d.e-', 'a_b.c--d.e-'],
    ['%E4%BE%8B。テスト', 'xn--fsq.xn--zckzah'],
  ];
  for (const [host, expected] of names) assert.equal(canonicalHost(host), expected, host);
});

test('an IPv6 literal is the same with brackets and without', () => {
  for (const host of ['[2001:DB8::0:1]', '2001:db8::1', '[2001:db8::1%25eth0]', '2001:db8::1%eth0'])
    assert.equal(canonicalHost(host), '2001:db8::1', host);
  assert.equal(canonicalHost('[::ffff:1.2.3.4]'), '1.2.3.4');
});

test('a host has at most 253 characters, a label 63', () => {
  const label = 'a'.repeat(63);
  const longest = `${label}.${label}.${label}.${'a'.repeat(61)}`;
  assert.equal(longest.length, 253);
  assert.equal(canonicalHost(`${longest}.`), longest);
  assert.equal(canonicalHost(`${longest}a`), null);
  assert.equal(canonicalHost(`${label}.de`), `${label}.de`);
  assert.equal(canonicalHost(`a${label}.de`), null);
});

test('text that is far too long is not parsed', () => {
  const encoded = (count: number) => `${'%E2%81%A0'.repeat(count)}a`;
  assert.equal(canonicalHost(encoded(300)), 'a');
  assert.equal(canonicalHost(encoded(400)), null);
});

test('the canonical form is stable', () => {
  for (const host of ['0x7f.1', 'A.de.', '[::1]', '::ffff:0:0', 'münchen.de', '①.de', 'a。。'])
    assert.equal(canonicalHost(canonicalHost(host) as string), canonicalHost(host), host);
});

test('an invalid host has no canonical form', () => {
  for (const host of [
    '',
    '.',
    ' ',
    'a b',
    'a/b',
    'a?b',
    'a#b',
    'a@b',
    'a\\b',
    'a:80',
    '[::1]:80',
    'a..b',
    '.a',
    'a*',
    'a,b',
    "a'b",
    'a\0',
    'xn--a',
    '[',
    ']',
    '[]',
    '::1]',
    '\ud800',
  ])
    assert.equal(canonicalHost(host), null, JSON.stringify(host));
});
