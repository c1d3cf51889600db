import type { Socket } from 'node:net';

/** Where a connection comes from. */
export interface SocketPeer {
  /** Empty for a unix socket. IPv4 addresses are written as IPv4 on every listener. */
  readonly address: string;
  readonly port: number;
  /** SHA-1 of the certificate that the client has shown, valid or not, in hexadecimal digits with capitals. Absent without one. */
  readonly certificateSha1?: string;
}

/** Set on sockets whose peer is a proxy that has said where the client's connection comes from. */
const STATED = Symbol('stated peer');

interface StatedSocket extends Socket {
  [STATED]?: SocketPeer | undefined;
}

/** An IPv4 address as an IPv6 listener reports it (RFC 4291 §2.5.5.2). */
const MAPPED = '::ffff:';

/** From now on `peerOf(socket)` is this one. */
export function statePeer(socket: Socket, peer: SocketPeer | undefined): void {
  if (peer !== undefined) (socket as StatedSocket)[STATED] = peer;
}

/** What was stated of this socket; undefined for nothing. */
export function statedPeer(socket: Socket): SocketPeer | undefined {
  return (socket as StatedSocket)[STATED];
}

/** The socket's peer, or what `statePeer` said. */
export function peerOf(socket: Socket): SocketPeer {
  return statedPeer(socket) ?? { address: peerAddress(socket), port: socket.remotePort ?? 0 };
}

/** The address of the other end of a connection; empty for a unix socket. */
export function peerAddress(socket: Socket): string {
  return plainAddress(socket.remoteAddress ?? '');
}

/** An IPv4 address that is written as an IPv6 one, as IPv4; others as they are. */
export function plainAddress(address: string): string {
  return address.startsWith(MAPPED) && address.includes('.') ? address.slice(MAPPED.length) : address;
}
