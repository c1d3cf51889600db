import { isIPv4 } from 'node:net';

/** The 4 or 16 bytes of an IP address, which is given without a zone. */
export function ipBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  const last = address.slice(address.lastIndexOf(':') + 1);
  // An IPv4 address at the end is two groups (RFC 4291 §2.2).
  if (isIPv4(last)) {
    const hex = ipBytes(last).toString('hex');
    return ipBytes(`${address.slice(0, -last.length)}${hex.slice(0, 4)}:${hex.slice(4)}`);
  }
  const [head = '', tail] = address.split('::');
  const [front, back] = [groups(head), groups(tail ?? '')];
  const gap = tail === undefined ? [] : Array.from({ length: 8 - front.length - back.length }, () => '0');
  return Buffer.from([...front, ...gap, ...back].map((group) => group.padStart(4, '0')).join(''), 'hex');
}

function groups(text: string): string[] {
  return text === '' ? [] : text.split(':');
}
