import { NO_BODY, RequestPacket } from '../codec/zhttp/index.ts';
import type { RequestHead } from '../exchange/index.ts';

/** What stands in a URI for the host of a request that names none (HTTP/1.0). */
const NO_HOST = 'localhost';

/** Every first packet is written at once: so one object does for all of them. */
const packet = new RequestPacket();

/** A first packet with the fields that come from the request's head alone. Valid until the next call. */
export function requestPacket(request: RequestHead): RequestPacket {
  packet.multi = true;
  packet.body = NO_BODY;
  packet.credits = 0;
  packet.more = false;
  packet.stream = false;
  packet.routerResp = false;
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
