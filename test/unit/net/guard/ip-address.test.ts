import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { test } from 'node:test';
import { formatAddress, parseAddress, withoutZone } from '../../../../src/net/guard/ip-address.ts';

function canonical(text: string): string | null {
  const address = parseAddress(text);
  return address === null ? null : formatAddress(address);
}

test('IPv4 is four decimal numbers and nothing else', () => {
  assert.deepEqual(parseAddress('1.2.3.4'), { family: 4, value: 0x01020304n });
  assert.deepEqual(parseAddress('255.255.255.255'), { family: 4, value: 0xffff_ffffn });
  assert.deepEqual(parseAddress('0.0.0.0'), { family: 4, value: 0n });
  for (const text of [
    '',
    '1',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '1.2.3.04',
    '01.2.3.4',
    '0x1.2.3.4',
    '1.2.3.',
    '.1.2.3.4',
    '1.2.3.4.',
    ' 1.2.3.4',
    '1.2.3.-4',
    '1..3.4',
    '１.2.3.4',
    '1.2.3.4%lo',
  ])
    assert.equal(parseAddress(text), null, text);
});

test('IPv6 has eight groups, or fewer and one "::"', () => {
  assert.deepEqual(parseAddress('1:2:3:4:5:6:7:8'), { family: 6, value: 0x0001_0002_0003_0004_0005_0006_0007_0008n });
  assert.deepEqual(parseAddress('::'), { family: 6, value: 0n });
  assert.deepEqual(parseAddress('::1'), { family: 6, value: 1n });
  assert.deepEqual(parseAddress('1::'), { family: 6, value: 1n << 112n });
  assert.deepEqual(parseAddress('FFFF::aBcD:1.2.3.4'), { family: 6, value: (0xffffn << 112n) | 0xabcd_0102_0304n });
  assert.deepEqual(parseAddress('1:2:3:4:5:6:1.2.3.4'), {
    family: 6,
    value: 0x0001_0002_0003_0004_0005_0006_0102_0304n,
  });
  for (const text of [
    ...[':', ':::', '1', '1:', ':1', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '1:2:3:4:5:6:7:', ':2:3:4:5:6:7:8'],
    ...[
      '1::2::3',
      '::1::',
      ':::1',
      '1:::',
      '12345::',
      '::g',
      '::-1',
      '::+1',
      ':: 1',
      '::0x1',
      '[::1]',
      '::1%lo',
      '::1/128',
    ],
    ...[
      '1:2:3:4:5:6:7:1.2.3.4',
      '1.2.3.4::',
      '::1.2.3.4:5',
      '::1.2.3',
      '::1.2.3.04',
      '::1.2.3.256',
      '1.2.3.4::1.2.3.4',
    ],
    ...['1:2:3:4:5:6:7:8::', '::1:2:3:4:5:6:7:8', '1:2:3:4::5:6:7:8', '1:2:3:4:5:6:7:8:1.2.3.4'],
  ])
    assert.equal(parseAddress(text), null, text);
});

test('"::" stands for one group or more', () => {
  assert.equal(canonical('1:2:3:4:5:6:7::'), '1:2:3:4:5:6:7:0');
  assert.equal(canonical('::2:3:4:5:6:7:8'), '0:2:3:4:5:6:7:8');
  assert.equal(canonical('1:2:3::5:6:7:8'), '1:2:3:0:5:6:7:8');
});

test('an IPv4-mapped address is the IPv4 address', () => {
  for (const text of ['::ffff:1.2.3.4', '::FFFF:102:304', '0:0:0:0:0:ffff:1.2.3.4'])
    assert.deepEqual(parseAddress(text), parseAddress('1.2.3.4'), text);
  for (const text of ['::1.2.3.4', '::fffe:1.2.3.4', '::ffff:0:1.2.3.4', '1::ffff:1.2.3.4', '::1:ffff:1.2.3.4'])
    assert.equal(parseAddress(text)?.family, 6, text);
});

test('text is as RFC 5952 has it', () => {
  const texts: [string, string][] = [
    ['0.0.0.0', '0.0.0.0'],
    ['255.1.20.3', '255.1.20.3'],
    ['::', '::'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['1:0:0:0:0:0:0:0', '1::'],
    ['2001:0DB8::0001', '2001:db8::1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['0:0:1:2:3:4:0:0', '::1:2:3:4:0:0'],
    ['64:ff9b::1.2.3.4', '64:ff9b::102:304'],
  ];
  for (const [text, expected] of texts) assert.equal(canonical(text), expected);
});

test('every zone that Node.js accepts is removed from IPv6 addresses', () => {
  for (const zone of ['eth0', '1', 'en-0.1:2', '25lo', 'a_b~c%d'])
    assert.equal(withoutZone(`fe80::1%${zone}`), 'fe80::1');
  for (const text of ['fe80::1%', '1.2.3.4%lo', 'a%b', 'a%b:c', 'fe80::1%a b', 'fe80::1%a]', 'fe80::1', '%::1', ''])
    assert.equal(withoutZone(text), text);
  assert.equal(isIP('fe80::1%en-0.1:2'), 6);
});
