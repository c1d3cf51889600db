import type { Socket } from 'node:net';

/** An IPv4 address as an IPv6 listener reports it (RFC 4291 §2.5.5.2). */
const MAPPED = '::ffff:';

/** The address of a socket's peer; empty for a unix socket. IPv4 addresses are written as IPv4 on every listener. */
export function peerAddress(socket: Socket): string {
  const address = socket.remoteAddress ?? '';
  return address.startsWith(MAPPED) && address.includes('.') ? address.slice(MAPPED.length) : address;
}
