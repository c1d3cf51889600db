import { fieldValue, fieldValues, withoutFields } from '../codec/fields/index.ts';
import { reasonPhrase, responseHeadText } from '../codec/http1/index.ts';
import {
  type AcceptedDeflate,
  acceptFields,
  type HandshakeRequest,
  readHandshake,
  type ValidHandshake,
} from '../codec/websocket/index.ts';
import { ERRORS, ExchangeError, type ResponseHead } from '../exchange/index.ts';

/**
 * The opening handshake in a request; null if it asks for no WebSocket.
 * @throws ExchangeError HF_WEBSOCKET_HANDSHAKE or HF_WEBSOCKET_VERSION, with a text that says what is wrong
 */
export function requestedHandshake(request: HandshakeRequest): ValidHandshake | null {
  // Most requests are not handshakes: they should cost no more than this.
  if (fieldValue(request.headers, 'upgrade') === undefined) return null;
  const handshake = readHandshake(request);
  if (handshake === null || handshake.valid) return handshake;
  const code = handshake.status === 426 ? 'HF_WEBSOCKET_VERSION' : 'HF_WEBSOCKET_HANDSHAKE';
  throw new ExchangeError(code, handshake.message, `${ERRORS[code].text}\n${handshake.message}`);
}

/**
 * The head that accepts `handshake` (RFC 6455 §4.2.2), as latin1 text up to the empty line.
 * @param head the service's response; the fields of the handshake that are the server's own are replaced
 * @param returnedId id of the request for the client, unless the response has one; empty for none
 * @throws ExchangeError HF_RESPONSE_INVALID for more than one subprotocol
 * @throws Http1Error `unwritable`
 */
export function acceptHead(
  head: ResponseHead,
  handshake: ValidHandshake,
  deflate: AcceptedDeflate | null,
  returnedId = '',
): string {
  const [protocol = null, ...others] = fieldValues(head.headers, 'sec-websocket-protocol');
  if (others.length > 0) throw new ExchangeError('HF_RESPONSE_INVALID', 'the response picks more than one subprotocol');
  const fields = withoutFields(head.headers, isOwn).concat(
    acceptFields(handshake, protocol, deflate?.extension ?? null),
  );
  if (returnedId !== '' && fieldValue(fields, 'x-request-id') === undefined) fields.push('X-Request-Id', returnedId);
  return `${responseHeadText(101, head.reason || reasonPhrase(101), fields)}Connection: Upgrade\r\n\r\n`;
}

/** The subprotocol that `head` picks though the client did not offer it; null for none. It is for the client to refuse it (RFC 6455 §4.1). */
export function unofferedProtocol(head: ResponseHead, handshake: ValidHandshake): string | null {
  const protocol = fieldValue(head.headers, 'sec-websocket-protocol');
  return protocol === undefined || handshake.protocols.includes(protocol) ? null : protocol;
}

/** Fields that the handshake decides. Those that frame a body, of which there is none, the writer leaves out. */
function isOwn(lowerName: string): boolean {
  switch (lowerName) {
    case 'upgrade':
    case 'sec-websocket-accept':
    case 'sec-websocket-extensions':
    case 'sec-websocket-protocol':
      return true;
    default:
      return false;
  }
}
