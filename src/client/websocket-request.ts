import { type FieldList, fieldValues, listMembers, nameIs, withoutFields } from '../codec/fields/index.ts';
import { requestHeadText } from '../codec/http1/index.ts';
import { extensionName, type HandshakeOffer, offerFields } from '../codec/websocket/index.ts';
import type { HeaderList } from '../exchange/index.ts';
import type { WebSocketHop } from './websocket-opener.ts';

const NO_EXTENSIONS: readonly string[] = [];

/**
 * Fields that the requester may not set: those of the handshake (RFC 6455 §4.1), those that frame a body, which does not exist, and those that
 * belong to the connection (RFC 9110 §7.6.1). The offer repeats Sec-WebSocket-Protocol and Sec-WebSocket-Extensions.
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

/**
 * The extensions that the requester names (RFC 6455 §9.1), for the origin to accept: they concern only those two, as `grip` does.
 * permessage-deflate is left out, because it changes the frames, which are made and read here.
 */
export function passedExtensions(headers: FieldList): readonly string[] {
  const values = fieldValues(headers, 'sec-websocket-extensions');
  if (values.length === 0) return NO_EXTENSIONS;
  return listMembers(values).filter((member) => extensionName(member) !== 'permessage-deflate');
}

/**
 * The fields of a 101 for the requester: those of the origin, without the compression that was agreed on here.
 * @param extensions of the requester's that the origin accepted
 */
export function responseFields(headers: FieldList, extensions: readonly string[]): HeaderList {
  const fields = [...withoutFields(headers, (name) => name === 'sec-websocket-extensions')];
  if (extensions.length > 0) fields.push('Sec-WebSocket-Extensions', extensions.join(', '));
  return fields;
}

/** The requester's fields for the origin. */
function passedFields(headers: FieldList): FieldList {
  // RFC 9110 §7.6.1: fields that Connection names are for this connection only.
  const named = listMembers(fieldValues(headers, 'connection'));
  return withoutFields(headers, (name) => OWN.has(name) || named.some((option) => nameIs(option, name)));
}
