import { type FieldList, fieldValues } from '../fields/index.ts';
import { acceptKey } from './accept-key.ts';
import { type Extension, parseExtensions } from './extensions.ts';
import { fieldLists } from './field-lists.ts';
import { parseSubprotocols } from './subprotocols.ts';
import { HandshakeError } from './websocket-error.ts';

/** The parts of a request head that decide its handshake. */
export interface HandshakeRequest {
  readonly method: string;
  readonly version: '1.0' | '1.1';
  readonly headers: readonly string[];
  /** 0 for no body; anything else means a body. */
  readonly bodyLength: number;
}

/** A handshake that may be accepted. */
export interface ValidHandshake {
  readonly valid: true;
  /** The response's Sec-WebSocket-Accept. */
  readonly accept: string;
  /** What the client offers, the preferred one first. */
  readonly protocols: readonly string[];
  readonly extensions: readonly Extension[];
}

/** A handshake to refuse. */
export interface InvalidHandshake {
  readonly valid: false;
  /** 426 for a version other than 13, else 400. */
  readonly status: 400 | 426;
  /** What is wrong, for the body of the response. */
  readonly message: string;
  /** Fields of the response. */
  readonly headers: FieldList;
}

/** `base64-value-non-empty` of 16 bytes (RFC 6455 §4.1, item 7). */
const KEY = /^[A-Za-z0-9+/]{22}==$/;

/**
 * The opening handshake in a request (RFC 6455 §4.2.1); null if the request does not ask for a WebSocket: its Upgrade does not list
 * `websocket`, or it is HTTP/1.0, where Upgrade is ignored (RFC 9110 §7.8).
 */
export function readHandshake(request: HandshakeRequest): ValidHandshake | InvalidHandshake | null {
  const { method, version, headers, bodyLength } = request;
  if (version === '1.0' || !fieldLists(headers, 'upgrade', 'websocket')) return null;
  if (method !== 'GET') return invalid('method is not GET');
  if (bodyLength !== 0) return invalid('request has a body');
  if (!fieldLists(headers, 'connection', 'upgrade')) return invalid('Connection does not list upgrade');
  const versions = fieldValues(headers, 'sec-websocket-version');
  const [wanted] = versions;
  // RFC 6455 §11.3.5: once in a request.
  if (wanted === undefined || versions.length > 1) return invalid('expected exactly one Sec-WebSocket-Version');
  if (wanted !== '13') {
    // RFC 6455 §4.4; RFC 9110 §15.5.22: a 426 names what to upgrade to.
    const fields = ['Upgrade', 'websocket', 'Sec-WebSocket-Version', '13'];
    return { valid: false, status: 426, message: 'Sec-WebSocket-Version is not 13', headers: fields };
  }
  const keys = fieldValues(headers, 'sec-websocket-key');
  const [key] = keys;
  if (key === undefined || keys.length > 1 || !KEY.test(key))
    return invalid('expected exactly one valid Sec-WebSocket-Key');
  try {
    const protocols = parseSubprotocols(fieldValues(headers, 'sec-websocket-protocol'));
    const extensions = parseExtensions(fieldValues(headers, 'sec-websocket-extensions'));
    return { valid: true, accept: acceptKey(key), protocols, extensions };
  } catch (error) {
    if (error instanceof HandshakeError) return invalid(error.message);
    throw error;
  }
}

/**
 * Fields of the 101 that accepts `handshake` (RFC 6455 §4.2.2), except `Connection: Upgrade`, which the HTTP/1 writer adds.
 * @param protocol one that the client offers, or null for none
 * @param extensions value of Sec-WebSocket-Extensions, or null for none
 */
export function acceptFields(handshake: ValidHandshake, protocol: string | null, extensions: string | null): FieldList {
  const fields = ['Upgrade', 'websocket', 'Sec-WebSocket-Accept', handshake.accept];
  if (protocol !== null) fields.push('Sec-WebSocket-Protocol', protocol);
  if (extensions !== null) fields.push('Sec-WebSocket-Extensions', extensions);
  return fields;
}

function invalid(message: string): InvalidHandshake {
  return { valid: false, status: 400, message, headers: [] };
}
