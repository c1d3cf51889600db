import { type FieldList, fieldValues, listMembers, nameIs, withoutFields } from '../codec/fields/index.ts';
import { requestHeadText } from '../codec/http1/index.ts';
import { type HandshakeOffer, offerFields } from '../codec/websocket/index.ts';
import type { WebSocketHop } from './websocket-opener.ts';

/**
 * Fields that are not the caller's to decide: those of the handshake (RFC 6455 §4.1), those that frame a body, of which there is none,
 * and those that belong to the connection (RFC 9110 §7.6.1). Sec-WebSocket-Extensions is among them because it could enable what nobody
 * here understands; Sec-WebSocket-Protocol is, because the offer repeats it.
 */
const OWN: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-connection',
  'sec-websocket-accept',
  'sec-websocket-extensions',
  'sec-websocket-key',
  'sec-websocket-protocol',
  'sec-websocket-version',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * The request that asks for a WebSocket at `hop` (RFC 6455 §4.1), as latin1 text with its empty line.
 * @throws Http1Error `unwritable`
 */
export function handshakeText(hop: WebSocketHop, offer: HandshakeOffer): string {
  const fields = ['Host', hop.authority, ...passedFields(hop.headers), ...offerFields(offer)];
  return `${requestHeadText('GET', hop.target, fields)}Connection: Upgrade\r\n\r\n`;
}

/** What of the caller's fields goes to the origin. */
function passedFields(headers: FieldList): FieldList {
  // RFC 9110 §7.6.1: what Connection names is for this connection alone.
  const named = listMembers(fieldValues(headers, 'connection'));
  return withoutFields(headers, (name) => OWN.has(name) || named.some((option) => nameIs(option, name)));
}
