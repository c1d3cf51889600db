import type { IpAddress } from './ip-address.ts';
import { block, formatBlock, type IpBlock, isInBlock } from './ip-block.ts';

interface SpecialBlock {
  readonly block: IpBlock;
  /** `loopback (127.0.0.0/8, RFC 1122)`. */
  readonly reason: string;
}

/**
 * Addresses outside the public internet, from the IANA registries of special-purpose addresses (RFC 6890, RFC 8190) and of IPv6 address
 * space. The first matching row names the address. Rows are wider than the registry where addresses registered as globally reachable
 * belong to the local network (anycast for port mapping and for relays) or do not belong to servers.
 */
const SPECIAL: readonly SpecialBlock[] = [
  row('255.255.255.255/32', 'broadcast', 'RFC 919'),
  row('0.0.0.0/8', 'unspecified, this network', 'RFC 1122'),
  row('10.0.0.0/8', 'private', 'RFC 1918'),
  row('100.64.0.0/10', 'carrier NAT', 'RFC 6598'),
  row('127.0.0.0/8', 'loopback', 'RFC 1122'),
  row('169.254.0.0/16', 'link-local, cloud metadata', 'RFC 3927'),
  row('172.16.0.0/12', 'private', 'RFC 1918'),
  row('192.0.0.0/24', 'protocol assignments', 'RFC 6890'),
  row('192.0.2.0/24', 'documentation', 'RFC 5737'),
  row('192.88.99.0/24', '6to4 relays', 'RFC 7526'),
  row('192.168.0.0/16', 'private', 'RFC 1918'),
  row('198.18.0.0/15', 'benchmarking', 'RFC 2544'),
  row('198.51.100.0/24', 'documentation', 'RFC 5737'),
  row('203.0.113.0/24', 'documentation', 'RFC 5737'),
  row('224.0.0.0/4', 'multicast', 'RFC 1112'),
  row('240.0.0.0/4', 'reserved', 'RFC 1112'),
  // Public by number only: on every machine in Azure it is the host below, which serves the machine's configuration.
  row('168.63.129.16/32', 'cloud metadata', 'platform address of Azure'),

  row('::1/128', 'loopback', 'RFC 4291'),
  row('::/128', 'unspecified', 'RFC 4291'),
  row('::/96', 'IPv4-compatible', 'RFC 4291'),
  row('::ffff:0:0:0/96', 'IPv4-translated', 'RFC 2765'),
  row('64:ff9b:1::/48', 'local NAT64', 'RFC 8215'),
  row('100::/64', 'discard-only', 'RFC 6666'),
  row('100:0:0:1::/64', 'dummy prefix', 'RFC 9780'),
  row('2001::/32', 'Teredo', 'RFC 4380'),
  row('2001:2::/48', 'benchmarking', 'RFC 5180'),
  row('2001:10::/28', 'ORCHID', 'RFC 4843'),
  row('2001:20::/28', 'ORCHID', 'RFC 7343'),
  row('2001::/23', 'protocol assignments', 'RFC 2928'),
  row('2001:db8::/32', 'documentation', 'RFC 3849'),
  row('3fff::/20', 'documentation', 'RFC 9637'),
  row('5f00::/16', 'segment routing', 'RFC 9602'),
  row('fc00::/7', 'unique-local', 'RFC 4193'),
  row('fe80::/10', 'link-local', 'RFC 4291'),
  row('fec0::/10', 'site-local', 'RFC 3879'),
  row('ff00::/8', 'multicast', 'RFC 4291'),
];

/** All IPv6 addresses ever allocated on the internet (RFC 4291 §2.4). */
const GLOBAL_UNICAST = block('2000::/3');
/** Where IPv6-only networks reach IPv4 (RFC 6052 §2.1). The embedded IPv4 address decides. */
const NAT64 = block('64:ff9b::/96');

/** Why the address by itself is not on the public internet: its purpose, its block and the RFC; null if it is public. */
export function internalAddress(address: IpAddress): string | null {
  const special = SPECIAL.find((candidate) => isInBlock(address, candidate.block));
  if (special !== undefined) return special.reason;
  if (address.family === 4 || isInBlock(address, GLOBAL_UNICAST) || isInBlock(address, NAT64)) return null;
  return 'reserved (not in 2000::/3, RFC 4291)';
}

/** Why a name in canonical form means this machine, whatever DNS says (RFC 6761 §6.3); null if it does not. */
export function internalName(name: string): string | null {
  return name === 'localhost' || name.endsWith('.localhost') ? 'localhost (RFC 6761)' : null;
}

function row(prefix: string, name: string, source: string): SpecialBlock {
  const parsed = block(prefix);
  return { block: parsed, reason: `${name} (${formatBlock(parsed)}, ${source})` };
}
