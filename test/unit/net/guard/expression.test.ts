import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matches, parseExpression } from '../../../../src/net/guard/expression.ts';
import { parseAddress } from '../../../../src/net/guard/ip-address.ts';

function isMatch(source: string, text: string): boolean {
  return matches(parseExpression(source), { text, address: parseAddress(text) });
}

function assertMatches(source: string, matching: readonly string[], others: readonly string[]): void {
  for (const text of matching) assert.ok(isMatch(source, text), `${source} ${text}`);
  for (const text of others) assert.ok(!isMatch(source, text), `${source} ${text}`);
}

test('a block names the addresses that begin with its bits, of its family', () => {
  assertMatches('10.0.0.0/8', ['10.0.0.0', '10.255.255.255'], ['11.0.0.0', '9.255.255.255', '::a00:1', '10.example']);
  assertMatches('10.1.2.3/32', ['10.1.2.3'], ['10.1.2.2', '10.1.2.4']);
  assertMatches('128.0.0.0/1', ['128.0.0.0', '255.255.255.255'], ['127.255.255.255', '8000::']);
  assertMatches('0.0.0.0/0', ['0.0.0.0', '255.255.255.255'], ['::', 'a.example']);
  assertMatches('::/0', ['::', 'ffff::'], ['1.2.3.4', 'a.example']);
  assertMatches('FC00::/7', ['fc00::', 'fdff:ffff::1'], ['fe00::', 'fbff::1']);
  assertMatches('2001:db8::1/128', ['2001:db8::1'], ['2001:db8::2']);
});

test('missing octets of a block are 0, and bits after its length are ignored', () => {
  assertMatches('127/8', ['127.0.0.1', '127.9.9.9'], ['128.0.0.0', '126.0.0.0']);
  assertMatches('172.16/12', ['172.16.0.0', '172.31.255.255'], ['172.32.0.0']);
  assertMatches('10.1.2/24', ['10.1.2.77'], ['10.1.3.0']);
  assertMatches('0/0', ['1.2.3.4'], ['::1']);
  assertMatches('10.9.9.9/8', ['10.0.0.1'], ['11.9.9.9']);
  assertMatches('fd00::1/8', ['fd99::'], ['fc00::1']);
});

test('a block may have a mask', () => {
  assertMatches('192.168.0.0/255.255.0.0', ['192.168.9.9'], ['192.169.0.0']);
  assertMatches('10/255.0.0.0', ['10.9.9.9'], ['11.0.0.0']);
  assertMatches('10.0.0.1/255.255.255.255', ['10.0.0.1'], ['10.0.0.2']);
  assertMatches('0/0.0.0.0', ['1.2.3.4'], []);
});

test('a block of IPv4-mapped addresses is one of IPv4', () => {
  assertMatches('::ffff:10.0.0.0/104', ['10.1.2.3'], ['11.0.0.0']);
  assertMatches('::ffff:0:0/96', ['1.2.3.4'], ['::1']);
});

test('a URL is refused as such', () => {
  for (const url of ['http://x/', 'https://10.0.0.0/8', 'x://[::1]/64']) {
    assert.throws(
      () => parseExpression(url),
      /is a URL: expected a host, an address or a block such as 10\.0\.0\.0\/8$/,
    );
  }
});

test('an invalid block is refused, with what was expected', () => {
  const length = /expected a length from 0 to 32 after the slash, or a mask such as 255.255.0.0$/;
  const ipv4 = /expected an IPv4 address, decimal octets without leading zeros, before the slash$/;
  const ipv6 = /expected an IPv6 address before the slash$/;
  const wrong: [string, RegExp][] = [
    ['10.0.0.0/33', length],
    ['10.0.0.0/', length],
    ['10.0.0.0/-1', length],
    ['10.0.0.0/08', length],
    ['10.0.0.0/8.', length],
    ['10.0.0.0/255.0.255.0', length],
    ['10.0.0.0/0.0.0.255', length],
    ['10.0.0.0/255.255', length],
    ['10.0.0.0/::', length],
    ['10.0.0.0/8/8', length],
    ['10.0.0.0/ 8', length],
    ['10.0.0.256/8', ipv4],
    ['010.0.0.0/8', ipv4],
    ['0x7f/8', ipv4],
    ['1.2.3.4.5/8', ipv4],
    ['10./8', ipv4],
    ['/8', ipv4],
    ['/', ipv4],
    ['a.example/8', ipv4],
    ['*.example/8', ipv4],
    ['fe80::%eth0/10', ipv6],
    ['[fe80::]/10', ipv6],
    ['fe80:/10', ipv6],
    ['fe80::/129', /^"fe80::\/129" is not an address block: expected a length from 0 to 128 after the slash$/],
    ['fe80::/ffff::', /expected a length from 0 to 128 after the slash$/],
    ['::ffff:10.0.0.0/95', /expected a length from 96 to 128 after the slash$/],
    ['::ffff:10.0.0.0/8', /expected a length from 96 to 128 after the slash$/],
  ];
  for (const [source, message] of wrong) {
    assert.throws(() => parseExpression(source), { name: 'GuardError', message }, source);
  }
});

test('the asterisk of a pattern matches anything, the rest is literal', () => {
  assertMatches('*.example', ['a.example', 'a.b.example', '.example'], ['example', 'a.example.test', 'aexample']);
  assertMatches('10.*', ['10.0.0.1', '10.example'], ['110.0.0.1', '10', '100.0.0.1']);
  assertMatches('a*z', ['az', 'a.z', 'abcz'], ['a', 'z', 'abc', 'bz']);
  assertMatches('ab*ba', ['abba', 'abcba'], ['aba', 'ab']);
  assertMatches('fe80:*', ['fe80::1'], ['fe81::1']);
  assertMatches('*', ['a', '1.2.3.4', '::1'], []);
});

test('a pattern is compared in canonical form', () => {
  assertMatches('*.EXAMPLE.', ['a.example'], ['example']);
  assertMatches('*.münchen.example', ['a.xn--mnchen-3ya.example'], ['a.mnchen.example']);
  assertMatches('a*.münchen.example', ['ab.xn--mnchen-3ya.example'], ['b.xn--mnchen-3ya.example']);
  assertMatches('１０.*', ['10.0.0.1'], ['11.0.0.1']);
  assertMatches('FE80:*', ['fe80::1'], []);
  assertMatches(' *.example ', ['a.example'], []);
});

test('a pattern that can match no host is refused', () => {
  assert.throws(() => parseExpression('*.'), {
    name: 'GuardError',
    message: '"*." matches nothing: hosts are compared without a trailing dot; expected "*"',
  });
  const noHost = /cannot match any host: expected a pattern with one star, such as \*\.NAME or 10\.\*$/;
  for (const source of ['* a', '*@a', '[fe80:*]', '*%2ea', '*?', '*#a', '*\\a', '*a b', '*.a\0', '*.a.*', '**']) {
    assert.throws(() => parseExpression(source), { name: 'GuardError', message: noHost }, source);
  }
  const noForm = /cannot be encoded for DNS: expected the star in an ASCII label, such as \*\.NAME$/;
  for (const source of ['*münchen.example', 'mün*chen.example', '*.\ud800']) {
    assert.throws(() => parseExpression(source), { name: 'GuardError', message: noForm }, source);
  }
});

test('anything else is one name or address, in canonical form', () => {
  assertMatches('a.example', ['a.example'], ['b.a.example', 'a.example.test', 'xa.example']);
  assertMatches('A.Example.', ['a.example'], []);
  assertMatches('münchen.example', ['xn--mnchen-3ya.example'], []);
  assertMatches('10.0.0.1', ['10.0.0.1'], ['10.0.0.10', '110.0.0.1']);
  assertMatches('2001:DB8:0::1', ['2001:db8::1'], ['2001:db8::2']);
  assertMatches('[2001:db8::1]', ['2001:db8::1'], []);
  assertMatches('::ffff:10.0.0.1', ['10.0.0.1'], []);
  assertMatches('10.1', ['10.0.0.1'], ['10.1.0.0', '10.1.2.3']);
  assertMatches('2130706433', ['127.0.0.1'], []);
});

test('an invalid host is refused', () => {
  const message = /is not a valid host: expected a name, an address, a block such as 10\.0\.0\.0\/8 or \*\.NAME$/;
  for (const source of ['', ' ', '.', 'a b', 'a..b', 'a.example:80', '256.1.1.1', '1.2.3.4.5', '[a]', 'a@b']) {
    assert.throws(() => parseExpression(source), { name: 'GuardError', message }, source);
  }
});
