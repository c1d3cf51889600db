import { isIPv4, isIPv6 } from 'node:net';

/** An address without what tells one host: IPv4 with its last byte zero, IPv6 with the first 48 bits. Other texts as they are. */
export function anonymousAddress(address: string): string {
  if (isIPv4(address)) return `${address.slice(0, address.lastIndexOf('.'))}.0`;
  if (!isIPv6(address)) return address;
  const mapped = address.lastIndexOf(':');
  if (address.includes('.')) return `${address.slice(0, mapped + 1)}${anonymousAddress(address.slice(mapped + 1))}`;
  const [before = '', after] = (address.split('%')[0] as string).split('::');
  const groups = before === '' ? [] : before.split(':');
  if (after !== undefined) {
    const last = after === '' ? [] : after.split(':');
    while (groups.length + last.length < 8) groups.push('0');
    groups.push(...last);
  }
  return `${groups.slice(0, 3).join(':')}::`;
}
