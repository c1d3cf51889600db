import assert from 'node:assert/strict';
import { test } from 'node:test';
import ipaddr from 'ipaddr.js';
import { internalAddress, internalName } from '../../../../src/net/guard/internal.ts';
import {
  formatAddress,
  type IpAddress,
  ipv4,
  ipv6,
  parseAddress,
  widthOf,
} from '../../../../src/net/guard/ip-address.ts';
import { block, isInBlock } from '../../../../src/net/guard/ip-block.ts';

/** Every row of the table: the block, what it is for, and its source. */
const ROWS = [
  ['0.0.0.0/8', 'unspecified, this network', 'RFC 1122'],
  ['10.0.0.0/8', 'private', 'RFC 1918'],
  ['100.64.0.0/10', 'carrier NAT', 'RFC 6598'],
  ['127.0.0.0/8', 'loopback', 'RFC 1122'],
  ['169.254.0.0/16', 'link-local, cloud metadata', 'RFC 3927'],
  ['172.16.0.0/12', 'private', 'RFC 1918'],
  ['192.0.0.0/24', 'protocol assignments', 'RFC 6890'],
  ['192.0.2.0/24', 'documentation', 'RFC 5737'],
  ['192.88.99.0/24', '6to4 relays', 'RFC 7526'],
  ['192.168.0.0/16', 'private', 'RFC 1918'],
  ['198.18.0.0/15', 'benchmarking', 'RFC 2544'],
  ['198.51.100.0/24', 'documentation', 'RFC 5737'],
  ['203.0.113.0/24', 'documentation', 'RFC 5737'],
  ['224.0.0.0/4', 'multicast', 'RFC 1112'],
  ['240.0.0.0/4', 'reserved', 'RFC 1112'],
  ['255.255.255.255/32', 'broadcast', 'RFC 919'],
  ['168.63.129.16/32', 'cloud metadata', 'platform address of Azure'],
  ['::1/128', 'loopback', 'RFC 4291'],
  ['::/128', 'unspecified', 'RFC 4291'],
  ['::/96', 'IPv4-compatible', 'RFC 4291'],
  ['::ffff:0:0:0/96', 'IPv4-translated', 'RFC 2765'],
  ['64:ff9b:1::/48', 'local NAT64', 'RFC 8215'],
  ['100::/64', 'discard-only', 'RFC 6666'],
  ['100:0:0:1::/64', 'dummy prefix', 'RFC 9780'],
  ['2001::/32', 'Teredo', 'RFC 4380'],
  ['2001:2::/48', 'benchmarking', 'RFC 5180'],
  ['2001:10::/28', 'ORCHID', 'RFC 4843'],
  ['2001:20::/28', 'ORCHID', 'RFC 7343'],
  ['2001::/23', 'protocol assignments', 'RFC 2928'],
  ['2001:db8::/32', 'documentation', 'RFC 3849'],
  ['3fff::/20', 'documentation', 'RFC 9637'],
  ['5f00::/16', 'segment routing', 'RFC 9602'],
  ['fc00::/7', 'unique-local', 'RFC 4193'],
  ['fe80::/10', 'link-local', 'RFC 4291'],
  ['fec0::/10', 'site-local', 'RFC 3879'],
  ['ff00::/8', 'multicast', 'RFC 4291'],
] as const;

for (const [text, name, source] of ROWS) {
  test(`${text} is internal from end to end, as ${name}`, () => {
    const { first, last, family } = ends(text);
    const reason = `${name} (${text}, ${source})`;
    const named = [first, last, (first + last) / 2n].map((value) => internalAddress(addressOf(family, value)));
    // The ends may belong to a block within that has a name of its own.
    for (const found of named) assert.notEqual(found, null);
    assert.ok(named.includes(reason), `${named.join('; ')}`);
  });
}

test('addresses next to a block are not internal', () => {
  // All neighbours of blocks that are not internal themselves.
  const expected = [
    ...['1.0.0.0', '9.255.255.255', '11.0.0.0', '100.63.255.255', '100.128.0.0', '126.255.255.255', '128.0.0.0'],
    ...[
      '169.253.255.255',
      '169.255.0.0',
      '172.15.255.255',
      '172.32.0.0',
      '191.255.255.255',
      '192.0.1.0',
      '192.0.1.255',
    ],
    ...['192.0.3.0', '192.88.98.255', '192.88.100.0', '192.167.255.255', '192.169.0.0', '198.17.255.255', '198.20.0.0'],
    ...[
      '198.51.99.255',
      '198.51.101.0',
      '203.0.112.255',
      '203.0.114.0',
      '223.255.255.255',
      '168.63.129.15',
      '168.63.129.17',
    ],
    ...[
      '2001:200::',
      '2001:db7:ffff:ffff:ffff:ffff:ffff:ffff',
      '2001:db9::',
      '3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
    ],
    ...['3fff:1000::', '2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ];
  const found = new Set<string>();
  for (const [text] of ROWS) {
    const { first, last, family } = ends(text);
    for (const value of [first - 1n, last + 1n]) {
      if (value < 0n || value >= 1n << BigInt(widthOf(family))) continue;
      const neighbour = addressOf(family, value);
      if (internalAddress(neighbour) === null) found.add(formatAddress(neighbour));
    }
  }
  assert.deepEqual([...found].sort(), expected.sort());
});

test('IPv6 outside of 2000::/3 is reserved, but for NAT64, whose IPv4 address decides', () => {
  for (const text of [
    '1::',
    '100:1::',
    '1fff:ffff::1',
    '4000::',
    '9999::1',
    'fe00::1',
    '64:ff9b::1:0:0',
    '64:ff9b:2::',
  ])
    assert.equal(internalAddress(addressAt(text)), 'reserved (not in 2000::/3, RFC 4291)', text);
  for (const text of ['2000::', '3ffe:ffff::', '2002:a00:1::', '64:ff9b::a00:1'])
    assert.equal(internalAddress(addressAt(text)), null, text);
});

/** Where this table and that of ipaddr.js differ, and why. */
const DIFFERENCES: readonly (readonly [string, 'internal here' | 'public here', string])[] = [
  ['168.63.129.16/32', 'internal here', 'the platform address of Azure'],
  ['192.31.196.0/24', 'public here', 'AS112: registered as globally reachable'],
  ['192.52.193.0/24', 'public here', 'AMT: registered as globally reachable'],
  ['192.175.48.0/24', 'public here', 'AS112: registered as globally reachable'],
  ['2620:4f:8000::/48', 'public here', 'AS112: registered as globally reachable'],
  ['64:ff9b::/96', 'public here', 'NAT64: its IPv4 address decides, as another form'],
  ['2002::/16', 'public here', '6to4: its IPv4 address decides, as another form'],
  ['::/3', 'internal here', 'reserved'],
  ['4000::/2', 'internal here', 'reserved'],
  ['8000::/1', 'internal here', 'reserved'],
];

test('ipaddr.js calls the same addresses special, with known differences', () => {
  const used = new Set<string>();
  for (const address of samples()) {
    const ours = internalAddress(address) !== null;
    const theirs = ipaddr.parse(formatAddress(address)).range() !== 'unicast';
    if (ours === theirs) continue;
    const which = ours ? 'internal here' : 'public here';
    const difference = DIFFERENCES.find(([text, side]) => side === which && isInBlock(address, block(text)));
    assert.ok(difference, `${formatAddress(address)}: ${which}, ${ipaddr.parse(formatAddress(address)).range()} there`);
    used.add(difference[0]);
  }
  assert.deepEqual(
    DIFFERENCES.filter(([text]) => !used.has(text)).map(([text]) => text),
    [],
  );
});

test('localhost and all names below it are internal, and no other', () => {
  for (const name of ['localhost', 'a.localhost', 'a.b.localhost'])
    assert.equal(internalName(name), 'localhost (RFC 6761)');
  for (const name of ['notlocalhost', 'localhost.test', 'localhost-a', 'localhos', ''])
    assert.equal(internalName(name), null);
});

/** First and last address of every /16 of IPv4 and /20 of IPv6, and the ends and the neighbours of every row and difference. */
function* samples(): Generator<IpAddress> {
  for (let top = 0n; top < 1n << 16n; top++) yield* [ipv4(top << 16n), ipv4((top << 16n) | 0xffffn)];
  for (let top = 0n; top < 1n << 16n; top += 5n) yield* [ipv6(top << 112n), ipv6((top << 112n) | (1n << 111n))];
  for (const [text] of [...ROWS, ...DIFFERENCES]) {
    const { first, last, family } = ends(text);
    for (const value of [first - 1n, first, (first + last) / 2n, last, last + 1n]) {
      if (value >= 0n && value < 1n << BigInt(widthOf(family))) yield addressOf(family, value);
    }
  }
}

function ends(text: string): { first: bigint; last: bigint; family: 4 | 6 } {
  const { family, prefix, length } = block(text);
  const bits = BigInt(widthOf(family) - length);
  return { first: prefix << bits, last: ((prefix + 1n) << bits) - 1n, family };
}

function addressOf(family: 4 | 6, value: bigint): IpAddress {
  return family === 4 ? ipv4(value) : ipv6(value);
}

function addressAt(text: string): IpAddress {
  const address = parseAddress(text);
  assert.ok(address, text);
  return address;
}
