import type { Socket } from 'node:net';
import type { ExchangeError, Peer } from '../exchange/index.ts';
import type { ClientConnection } from './client-connection.ts';
import type { ConnectionHost } from './connection-host.ts';
import { Http1Connection } from './http1-connection.ts';
import { RawChannel } from './raw-channel.ts';
import { RawConnection } from './raw-connection.ts';

const AT = 0x40;
const LESS_THAN = 0x3c;

/** A connection whose protocol is known. */
export interface OpenedConnection extends ClientConnection {
  /** Tells the client that it gets no turn, where that can be told, and ends the connection. */
  turnAway(error: ExchangeError): void;
}

/**
 * Makes the connection that speaks the protocol of a socket. All that is known of it by then can decide: the protocol that TLS agreed
 * on (`alpnProtocol`, RFC 7301) and the first bytes (RFC 9113 §3.4). HTTP/1 begins with the name of a method, and WebSockets begin in it. Where the
 * server has a service for them, `@` and `<` begin what is not HTTP.
 * @param first the first bytes; null if the connection ends, or has been silent for too long, before there are any
 */
export function openConnection(
  socket: Socket,
  server: ConnectionHost,
  peer: Peer,
  number: number | string,
  first: Buffer | null,
): OpenedConnection {
  const { rawService } = server;
  if (rawService === null || first === null || (first[0] !== AT && first[0] !== LESS_THAN)) {
    return new Http1Connection(socket, server, peer, number);
  }
  return new RawConnection(socket, server, peer, `${number}-1`, (connection) => {
    const channel = new RawChannel(connection, server.call);
    const owner = rawService(channel);
    channel.owner = owner;
    connection.channel = channel;
    return owner;
  });
}
