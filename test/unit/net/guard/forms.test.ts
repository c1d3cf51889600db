import assert from 'node:assert/strict';
import { test } from 'node:test';
import { forms } from '../../../../src/net/guard/forms.ts';
import { parseAddress } from '../../../../src/net/guard/ip-address.ts';

/** The forms of an address, one a line: text, how it follows, and `=` where it is the very same place. */
function formsOf(text: string): string[] {
  const address = parseAddress(text);
  assert.ok(address, text);
  return forms(address).map(({ text: form, via, same }) =>
    [same ? '=' : '~', form, via].filter((part) => part !== '').join(' '),
  );
}

test('an address that embeds nothing has one form', () => {
  for (const text of [
    '10.0.0.1',
    '0.0.0.1',
    '::1',
    '2606:4700::1',
    'fe80::1',
    '64:ff9b:2::a00:1',
    '2606:4700::5eff:a00:1',
  ])
    assert.deepEqual(formsOf(text), [`= ${text}`]);
});

test('an IPv4-mapped address has the form of IPv4 alone', () => {
  assert.deepEqual(formsOf('::ffff:10.0.0.1'), ['= 10.0.0.1']);
});

test('the unspecified addresses are loopback', () => {
  assert.deepEqual(formsOf('0.0.0.0'), ['= 0.0.0.0', '= 127.0.0.1 the unspecified address']);
  assert.deepEqual(formsOf('::'), [
    '= ::',
    '= ::1 the unspecified address',
    '~ 0.0.0.0 IPv4-compatible',
    '~ 127.0.0.1 IPv4-compatible',
  ]);
});

test('embedded addresses are found', () => {
  const embedded: [string, string[]][] = [
    ['64:ff9b::10.0.0.1', ['= 10.0.0.1 NAT64']],
    ['64:ff9b:1::10.0.0.1', ['~ 10.0.0.1 NAT64']],
    ['::10.0.0.1', ['~ 10.0.0.1 IPv4-compatible']],
    ['::ffff:0:10.0.0.1', ['~ 10.0.0.1 IPv4-translated']],
    ['2002:a00:1:5:6:7:8:9', ['~ 10.0.0.1 6to4']],
    ['2001:0:a00:1::f5ff:fffd', ['~ 10.0.0.1 the Teredo server', '~ 10.0.0.2 the Teredo client']],
    ['2606:4700::5efe:10.0.0.1', ['~ 10.0.0.1 ISATAP']],
    ['2606:4700::200:5efe:10.0.0.1', ['~ 10.0.0.1 ISATAP']],
  ];
  for (const [text, expected] of embedded) assert.deepEqual(formsOf(text).slice(1), expected, text);
});

test('an address may embed several, the unspecified one among them', () => {
  assert.deepEqual(formsOf('2002:a00:1::5efe:c0a8:1').slice(1), ['~ 10.0.0.1 6to4', '~ 192.168.0.1 ISATAP']);
  assert.deepEqual(formsOf('64:ff9b::').slice(1), ['= 0.0.0.0 NAT64', '= 127.0.0.1 NAT64']);
  assert.deepEqual(formsOf('2001:0:a00:1::f5ff:fffe').slice(1), ['~ 10.0.0.1 the Teredo server']);
});
