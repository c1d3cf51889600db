import type { Socket } from 'node:net';

/** An IPv4 address as a listener for IPv6 tells it (RFC 4291 §2.5.5.2). */
const MAPPED = '::ffff:';

/** The address of a socket's other end; empty for a unix socket. IPv4 addresses are written as such on every listener. */
export function peerAddress(socket: Socket): string {
  const address = socket.remoteAddress ?? '';
  return address.startsWith(MAPPED) && address.includes('.') ? address.slice(MAPPED.length) : address;
}
