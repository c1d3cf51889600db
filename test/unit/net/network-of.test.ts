import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkOf } from '../../../src/net/index.ts';

test('IPv6 addresses of one network are one client, IPv4 addresses are each its own', () => {
  for (const [address, network] of [
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:0:1::1', '2001:db8:0:1::/64'],
    ['2001:0DB8:0000:0001:ffff:ffff:ffff:ffff', '2001:db8:0:1::/64'],
    ['fe80::1%eth0', 'fe80::/64'],
    ['::1', '::/64'],
    ['', ''],
    ['not:an:address', 'not:an:address'],
  ] as const) {
    assert.equal(networkOf(address), network, address);
  }
});
