import { type FieldList, fieldValues } from '../fields/index.ts';
import { acceptKey } from './accept-key.ts';
import { type DeflateParameters, offerDeflate, readDeflateAnswer } from './deflate-parameters.ts';
import { parseExtensions } from './extensions.ts';
import { fieldLists } from './field-lists.ts';
import { HandshakeError } from './websocket-error.ts';

/** What a client asks a server for. */
export interface HandshakeOffer {
  /** Sec-WebSocket-Key: 16 random bytes in base64, for this handshake alone (RFC 6455 §4.1, item 7). */
  readonly key: string;
  /** The preferred one first; none may be repeated. */
  readonly protocols: readonly string[];
  /** Null: messages are not compressed. */
  readonly deflate: DeflateParameters | null;
}

/** What a server chose. */
export interface HandshakeAnswer {
  /** One of those offered, or null. */
  readonly protocol: string | null;
  /** Null: messages are not compressed. */
  readonly deflate: DeflateParameters | null;
}

/** Fields of the request that makes `offer` (RFC 6455 §4.1), but for `Connection: Upgrade`: that field is the HTTP/1 writer's. */
export function offerFields(offer: HandshakeOffer): FieldList {
  const fields = ['Upgrade', 'websocket', 'Sec-WebSocket-Version', '13', 'Sec-WebSocket-Key', offer.key];
  if (offer.protocols.length > 0) fields.push('Sec-WebSocket-Protocol', offer.protocols.join(', '));
  if (offer.deflate !== null) fields.push('Sec-WebSocket-Extensions', offerDeflate(offer.deflate));
  return fields;
}

/**
 * What the fields of a 101 say to `offer` (RFC 6455 §4.1). A response with another status is no handshake at all: the caller deals
 * with it first.
 * @throws HandshakeError for what fails the connection
 */
export function readHandshakeAnswer(headers: FieldList, offer: HandshakeOffer): HandshakeAnswer {
  if (only(headers, 'upgrade').toLowerCase() !== 'websocket') throw new HandshakeError('Upgrade is not websocket');
  if (!fieldLists(headers, 'connection', 'upgrade')) throw new HandshakeError('Connection does not list upgrade');
  if (only(headers, 'sec-websocket-accept') !== acceptKey(offer.key)) {
    throw new HandshakeError('Sec-WebSocket-Accept does not fit the key');
  }
  const deflate = readDeflateAnswer(parseExtensions(fieldValues(headers, 'sec-websocket-extensions')), offer.deflate);
  const protocols = fieldValues(headers, 'sec-websocket-protocol');
  const protocol = protocols.length === 0 ? null : only(headers, 'sec-websocket-protocol');
  if (protocol !== null && !offer.protocols.includes(protocol)) {
    throw new HandshakeError('server uses a subprotocol that was not offered');
  }
  return { protocol, deflate };
}

/** The value of a field that stands once; empty if there is none or more. */
function only(headers: FieldList, lower: string): string {
  const values = fieldValues(headers, lower);
  return values.length === 1 ? (values[0] as string) : '';
}
