import type { Socket } from 'node:net';
import type { Peer } from '../exchange/index.ts';
import type { ConnectionHost } from './connection-host.ts';
import { Http1Connection } from './http1-connection.ts';

/**
 * Makes the connection that speaks the protocol of a socket. All that is known of it by then can decide: the protocol that TLS agreed
 * on (`alpnProtocol`, RFC 7301) and the first bytes (RFC 9113 §3.4). HTTP/1 is the only one so far; WebSockets begin in it.
 * @param _first the first bytes; null if the connection ends, or has been silent for too long, before there are any
 */
export function openConnection(
  socket: Socket,
  server: ConnectionHost,
  peer: Peer,
  number: number | string,
  _first: Buffer | null,
): Http1Connection {
  return new Http1Connection(socket, server, peer, number);
}
