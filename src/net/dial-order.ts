import { isIP } from 'node:net';

/** How many addresses of one host are used: its name server decides how many it returns. */
export const MAX_ADDRESSES = 16;

/**
 * The order in which addresses are dialled (RFC 8305 §4): the families alternate, starting with that of the first address, so that an
 * unreachable family costs little time. Duplicates, invalid addresses and those beyond `MAX_ADDRESSES` are left out.
 * @param ipv4Only leaves IPv6 addresses out as well
 */
export function dialOrder(addresses: readonly string[], ipv4Only: boolean): string[] {
  const ipv4: string[] = [];
  const ipv6: string[] = [];
  let first: string[] | null = null;
  for (const address of addresses) {
    const family = isIP(address);
    if (family === 0 || (family === 6 && ipv4Only)) continue;
    const those = family === 4 ? ipv4 : ipv6;
    first ??= those;
    those.push(address);
  }
  if (first === null) return [];
  const second = first === ipv4 ? ipv6 : ipv4;
  const order = new Set<string>();
  for (let i = 0; (i < first.length || i < second.length) && order.size < MAX_ADDRESSES; i++) {
    if (i < first.length) order.add(first[i] as string);
    if (i < second.length && order.size < MAX_ADDRESSES) order.add(second[i] as string);
  }
  return [...order];
}
