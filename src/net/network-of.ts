import { formatAddress, parseAddress, withoutZone } from './guard/ip-address.ts';

/** Bits of an IPv6 address below those of its network, which one client has all of (RFC 6177 §2). */
const HOST_BITS = 64n;

/**
 * What is counted as one client by its address: an IPv4 address, also one that is mapped into IPv6, or the first 64 bits of an IPv6 address. Any
 * other text stays as it is.
 */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address;
  const parsed = parseAddress(withoutZone(address));
  if (parsed === null) return address;
  if (parsed.family === 4) return formatAddress(parsed);
  return `${formatAddress({ family: 6, value: (parsed.value >> HOST_BITS) << HOST_BITS })}/64`;
}
