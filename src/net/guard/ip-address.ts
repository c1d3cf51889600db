/** An IPv4 or IPv6 address as a number, so that each has exactly one form. IPv4-mapped IPv6 (RFC 4291 §2.5.5.2) is IPv4. */
export interface IpAddress {
  readonly family: 4 | 6;
  /** 0 to 2^32 - 1 for IPv4, to 2^128 - 1 for IPv6. */
  readonly value: bigint;
}

/** Digits that every program reads alike: no leading zero, which some read as octal. */
const OCTET = /^(?:0|[1-9][0-9]{0,2})$/;
const GROUP = /^[0-9a-f]{1,4}$/i;
/** The part of `%eth0` after the percent sign. RFC 4007 §11.2 leaves its form open: Node.js accepts colons, URIs have `%25eth0`. */
const ZONE = /^[\w.~%:-]+$/;
const GROUPS = 8;
/** The upper 96 bits of IPv4-mapped addresses. */
const MAPPED = 0xffffn;

/**
 * Parses an address: IPv4 as four decimal numbers, IPv6 as in RFC 4291 §2.2, without brackets and zone. Null for anything else.
 */
export function parseAddress(text: string): IpAddress | null {
  if (text.includes(':')) {
    const value = parseIpv6(text);
    return value === null ? null : ipv6(value);
  }
  const value = parseIpv4(text);
  return value === null ? null : ipv4(value);
}

/** `fe80::1` for `fe80::1%eth0`: the zone says which way to go, not where (RFC 4007 §6). IPv4 has no zones. */
export function withoutZone(text: string): string {
  const percent = text.indexOf('%');
  const isIpv6 = text.lastIndexOf(':', percent) >= 0;
  return percent >= 0 && isIpv6 && ZONE.test(text.slice(percent + 1)) ? text.slice(0, percent) : text;
}

export function ipv4(value: bigint): IpAddress {
  return { family: 4, value };
}

/** The IPv6 address with this number, or the IPv4 address mapped into it. */
export function ipv6(value: bigint): IpAddress {
  return value >> 32n === MAPPED ? ipv4(value & 0xffff_ffffn) : { family: 6, value };
}

/** Bits of an address of the family. */
export function widthOf(family: 4 | 6): 32 | 128 {
  return family === 4 ? 32 : 128;
}

/** The canonical text of an address: IPv4 as four decimal numbers, IPv6 as in RFC 5952 §4. */
export function formatAddress({ family, value }: IpAddress): string {
  return family === 4 ? formatIpv4(value) : formatIpv6(value);
}

function parseIpv4(text: string): bigint | null {
  const octets = text.split('.', 5);
  if (octets.length !== 4) return null;
  let value = 0n;
  for (const octet of octets) {
    if (!OCTET.test(octet) || Number(octet) > 255) return null;
    value = (value << 8n) | BigInt(octet);
  }
  return value;
}

function parseIpv6(text: string): bigint | null {
  const halves = text.split('::', 3);
  const head = parseGroups(halves[0] as string, halves.length === 1);
  if (halves.length === 1) return head?.length === GROUPS ? join(head) : null;
  const tail = parseGroups(halves[1] as string, true);
  // "::" stands for at least one group.
  if (halves.length > 2 || head === null || tail === null || head.length + tail.length >= GROUPS) return null;
  return join([...head, ...Array<number>(GROUPS - head.length - tail.length).fill(0), ...tail]);
}

/** Groups between colons. The last may be an IPv4 address if it ends the whole address. */
function parseGroups(text: string, ends: boolean): number[] | null {
  if (text === '') return [];
  const parts = text.split(':', GROUPS + 1);
  const groups: number[] = [];
  for (const [index, part] of parts.entries()) {
    if (GROUP.test(part)) groups.push(Number.parseInt(part, 16));
    else {
      const embedded = ends && index === parts.length - 1 ? parseIpv4(part) : null;
      if (embedded === null) return null;
      groups.push(Number(embedded >> 16n), Number(embedded & 0xffffn));
    }
  }
  return groups;
}

function join(groups: readonly number[]): bigint {
  return groups.reduce((value, group) => (value << 16n) | BigInt(group), 0n);
}

function formatIpv4(value: bigint): string {
  const number = Number(value);
  return `${number >>> 24}.${(number >>> 16) & 255}.${(number >>> 8) & 255}.${number & 255}`;
}

function formatIpv6(value: bigint): string {
  const groups = Array.from({ length: GROUPS }, (_, index) => Number((value >> BigInt(112 - 16 * index)) & 0xffffn));
  let [start, length] = [0, 0];
  for (let from = 0; from < GROUPS; from++) {
    let to = from;
    while (groups[to] === 0) to++;
    if (to - from > length) [start, length] = [from, to - from];
  }
  const hex = groups.map((group) => group.toString(16));
  // A single zero is not shortened (RFC 5952 §4.2.2); of two equally long runs the first one is (§4.2.3).
  if (length < 2) return hex.join(':');
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`;
}
