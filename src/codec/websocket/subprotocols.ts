import { listMembers } from '../fields/index.ts';
import { isToken } from '../http1/index.ts';
import { HandshakeError } from './websocket-error.ts';

/**
 * The subprotocols in the values of a request's Sec-WebSocket-Protocol, the preferred one first; empty without values.
 * @throws HandshakeError for an empty list, an invalid token or a repeated one (RFC 6455 §4.1, item 10)
 */
export function parseSubprotocols(values: readonly string[]): string[] {
  const protocols = listMembers(values);
  const invalid = !protocols.every(isToken) || new Set(protocols).size < protocols.length;
  if (invalid || (values.length > 0 && protocols.length === 0))
    throw new HandshakeError('invalid Sec-WebSocket-Protocol');
  return protocols;
}
