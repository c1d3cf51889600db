import type { Socket } from 'node:net';
import type { ConnectionHost } from './connection-host.ts';
import { Http1Connection } from './http1-connection.ts';
import type { Connection } from './served-connection.ts';

/**
 * Gives a socket to the connection that speaks its protocol. All that is known of it by then can decide: the protocol that TLS agreed
 * on (`alpnProtocol`, RFC 7301) and the first bytes (RFC 9113 §3.4). HTTP/1 is the only one so far; WebSockets begin in it.
 * @param _first the first bytes; null if the connection ends, or has been silent for too long, before there are any
 */
export function openConnection(
  socket: Socket,
  server: ConnectionHost,
  number: number,
  _first: Buffer | null,
): Connection {
  return new Http1Connection(socket, server, number);
}
