import type { Socket } from 'node:net';
import type { Metadata, ZmtpError } from '../codec/zmtp/index.ts';
import { peerAddress } from '../net/index.ts';
import { fits, type SocketType } from './socket-type.ts';
import { isRoutingId } from './zmq-options.ts';

const NO_ID = Buffer.alloc(0);

/** The address and port of a peer, for the log; undefined where it has none. */
export function peerText(socket: Socket): string | undefined {
  const address = peerAddress(socket);
  return address === '' ? undefined : `${address}:${socket.remotePort}`;
}

/**
 * The routing id that a peer says it has; empty for none.
 * @param refusal makes what is thrown where the peer cannot be talked to
 */
export function routingIdOf(
  own: SocketType,
  type: string,
  peer: Metadata,
  refusal: (reason: string) => ZmtpError,
): Buffer {
  if (!fits(own, type)) throw refusal(`a ${own} socket cannot talk to ${printable(type)}`);
  const routingId = peer.get('identity') ?? NO_ID;
  if (routingId.length > 0 && !isRoutingId(routingId)) throw refusal('a malformed identity');
  return routingId;
}

/** The peer's text, shortened and with only printable ASCII. */
function printable(text: string): string {
  return text === '' ? 'an unnamed type' : text.slice(0, 32).replace(/[^ -~]/g, '?');
}
