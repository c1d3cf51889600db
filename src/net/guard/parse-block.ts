import { GuardError } from './guard-error.ts';
import { type IpAddress, parseAddress, widthOf } from './ip-address.ts';
import { blockOf, type IpBlock } from './ip-block.ts';

/** Bits that precede the IPv4 address in an IPv4-mapped one. */
const MAPPED_BITS = 96;
const ALL_ONES = 0xffff_ffffn;

/**
 * Parses a block as people write it in rules: `10.0.0.0/8`, `10/8` (missing octets are 0), `192.168.0.0/255.255.0.0`, `fc00::/7`. Bits beyond
 * the length are ignored. A block of IPv4-mapped addresses is an IPv4 block.
 * @throws GuardError for anything else
 */
export function parseBlock(text: string): IpBlock {
  const slash = text.indexOf('/');
  const [base, size] = [text.slice(0, slash), text.slice(slash + 1)];
  const isIpv6 = base.includes(':');
  const address = parseAddress(isIpv6 ? base : `${base}${'.0'.repeat(Math.max(0, 4 - base.split('.').length))}`);
  if (address === null) {
    const which = isIpv6 ? 'an IPv6 address' : 'an IPv4 address, decimal octets without leading zeros,';
    throw bad(text, `expected ${which} before the slash`);
  }
  return isIpv6 ? blockOf(address, ipv6Length(text, size, address)) : blockOf(address, ipv4Length(text, size));
}

/** Length of a prefix in IPv6 notation. */
function ipv6Length(text: string, size: string, { family }: IpAddress): number {
  const lowest = family === 4 ? MAPPED_BITS : 0;
  const length = parseLength(size);
  if (length === null || length < lowest || length > 128) {
    throw bad(text, `expected a length from ${lowest} to 128 after the slash`);
  }
  return length - lowest;
}

function ipv4Length(text: string, size: string): number {
  const length = size.includes('.') ? maskLength(size) : parseLength(size);
  if (length === null || length > widthOf(4)) {
    throw bad(text, 'expected a length from 0 to 32 after the slash, or a mask such as 255.255.0.0');
  }
  return length;
}

function parseLength(size: string): number | null {
  return /^(?:0|[1-9][0-9]{0,2})$/.test(size) ? Number(size) : null;
}

/** Leading ones of a mask; null if more follow a zero. */
function maskLength(text: string): number | null {
  const mask = parseAddress(text);
  if (mask === null) return null;
  for (let length = 0; length <= 32; length++) {
    if (mask.value === ((ALL_ONES << BigInt(32 - length)) & ALL_ONES)) return length;
  }
  return null;
}

function bad(text: string, expected: string): GuardError {
  return new GuardError(`${JSON.stringify(text)} is not an address block: ${expected}`);
}
