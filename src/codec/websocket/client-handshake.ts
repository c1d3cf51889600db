import { type FieldList, fieldValues, listMembers } from '../fields/index.ts';
import { acceptKey } from './accept-key.ts';
import { type DeflateParameters, offerDeflate, readDeflateResponse } from './deflate-parameters.ts';
import { extensionName, parseExtensions } from './extensions.ts';
import { fieldLists } from './field-lists.ts';
import { HandshakeError } from './websocket-error.ts';

/** What a client offers a server. */
export interface HandshakeOffer {
  /** Sec-WebSocket-Key: 16 random bytes in base64, for this handshake only (RFC 6455 §4.1, item 7). */
  readonly key: string;
  /** The preferred one first; none may be repeated. */
  readonly protocols: readonly string[];
  /** Null: messages are not compressed. */
  readonly deflate: DeflateParameters | null;
  /** Other offered extensions, as written in the field: other code understands them. Not permessage-deflate. */
  readonly extensions: readonly string[];
}

/** What a server chose. */
export interface HandshakeResponse {
  /** One of those offered, or null. */
  readonly protocol: string | null;
  /** Null: messages are not compressed. */
  readonly deflate: DeflateParameters | null;
  /** The other extensions that were accepted, as written in the field. */
  readonly extensions: readonly string[];
}

/** Fields of the request that makes `offer` (RFC 6455 §4.1), except `Connection: Upgrade`, which the HTTP/1 writer adds. */
export function offerFields(offer: HandshakeOffer): FieldList {
  const fields = ['Upgrade', 'websocket', 'Sec-WebSocket-Version', '13', 'Sec-WebSocket-Key', offer.key];
  if (offer.protocols.length > 0) fields.push('Sec-WebSocket-Protocol', offer.protocols.join(', '));
  const extensions = offer.deflate === null ? offer.extensions : [offerDeflate(offer.deflate), ...offer.extensions];
  if (extensions.length > 0) fields.push('Sec-WebSocket-Extensions', extensions.join(', '));
  return fields;
}

/**
 * What the fields of a 101 accept of `offer` (RFC 6455 §4.1). A response with another status is not a handshake: the caller handles it first.
 * @throws HandshakeError for anything that fails the connection
 */
export function readHandshakeResponse(headers: FieldList, offer: HandshakeOffer): HandshakeResponse {
  if (only(headers, 'upgrade').toLowerCase() !== 'websocket') throw new HandshakeError('Upgrade is not websocket');
  if (!fieldLists(headers, 'connection', 'upgrade')) throw new HandshakeError('Connection does not list upgrade');
  if (only(headers, 'sec-websocket-accept') !== acceptKey(offer.key)) {
    throw new HandshakeError('Sec-WebSocket-Accept does not match the key');
  }
  const chosen = listMembers(fieldValues(headers, 'sec-websocket-extensions'));
  const names = offer.extensions.map(extensionName);
  // RFC 6455 §9.1: a server accepts offered extensions, perhaps with other parameters.
  const extensions = chosen.filter((member) => names.includes(extensionName(member)));
  const others = chosen.filter((member) => !extensions.includes(member));
  const deflate = readDeflateResponse(parseExtensions(others), offer.deflate);
  const protocols = fieldValues(headers, 'sec-websocket-protocol');
  const protocol = protocols.length === 0 ? null : only(headers, 'sec-websocket-protocol');
  if (protocol !== null && !offer.protocols.includes(protocol)) {
    throw new HandshakeError('server uses a subprotocol that was not offered');
  }
  return { protocol, deflate, extensions };
}

/** The value of a field that appears exactly once; else empty. */
function only(headers: FieldList, lower: string): string {
  const values = fieldValues(headers, lower);
  return values.length === 1 ? (values[0] as string) : '';
}
