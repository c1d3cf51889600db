import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dialOrder, MAX_ADDRESSES } from '../../../src/net/dial-order.ts';

const many = (family: 4 | 6, count: number): string[] =>
  Array.from({ length: count }, (_, i) => (family === 4 ? `192.0.2.${i}` : `2001:db8::${i.toString(16)}`));

for (const [what, addresses, order] of [
  [
    'the family of the first address begins',
    ['::1', '::2', '192.0.2.1', '192.0.2.2'],
    ['::1', '192.0.2.1', '::2', '192.0.2.2'],
  ],
  ['also when that is IPv4', ['192.0.2.1', '192.0.2.2', '::1', '::2'], ['192.0.2.1', '::1', '192.0.2.2', '::2']],
  [
    'when one family is out the rest of the other follows',
    ['::1', '192.0.2.1', '::2', '::3'],
    ['::1', '192.0.2.1', '::2', '::3'],
  ],
  ['each address stands there once', ['127.0.0.1', '::1', '127.0.0.1', '::1'], ['127.0.0.1', '::1']],
  ['what is no address is left out', ['a.test', '', '192.0.2.1', '0x7f.1', '[::1]'], ['192.0.2.1']],
  ['of nothing comes nothing', [], []],
] as const) {
  test(`Families alternate: ${what}`, () => {
    assert.deepEqual(dialOrder(addresses, false), order);
  });
}

test('If there are too many addresses, both families are used', () => {
  assert.equal(MAX_ADDRESSES, 16);
  const order = dialOrder([...many(6, 40), ...many(4, 40)], false);
  assert.deepEqual(order.slice(0, 4), ['2001:db8::0', '192.0.2.0', '2001:db8::1', '192.0.2.1']);
  assert.equal(order.length, 16);
  assert.deepEqual(dialOrder(many(4, 17), false), many(4, 16));
  assert.equal(dialOrder([...many(6, 1), ...many(4, 40)], false).length, 16);
});

test('IPv6 addresses in any form are left out if only IPv4 is allowed', () => {
  assert.deepEqual(dialOrder(['::1', '::ffff:192.0.2.1', '192.0.2.1', 'fe80::1%lo'], true), ['192.0.2.1']);
  assert.deepEqual(dialOrder(['::1'], true), []);
});
