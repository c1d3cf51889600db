import { RequestPacket } from '../codec/zhttp/index.ts';
import type { RequestHead } from '../exchange/index.ts';

/** What stands in a URI for the host of a request that names none (HTTP/1.0). */
const NO_HOST = 'localhost';

/** The fields of a session's first packet that come from the request's head alone. */
export function requestPacket(request: RequestHead): RequestPacket {
  const packet = new RequestPacket();
  packet.multi = true;
  packet.method = request.method;
  packet.uri = uriOf(request);
  packet.headers = request.headers;
  packet.peerAddress = request.peer.address;
  packet.peerPort = request.peer.port;
  return packet;
}

function uriOf({ scheme, authority, target }: RequestHead): string {
  // RFC 9112 §3.2.4: the asterisk of OPTIONS stands for no path at all.
  return `${scheme}://${authority === '' ? NO_HOST : authority}${target === '*' ? '' : target}`;
}
