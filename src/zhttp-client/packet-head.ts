import { fieldValue, withoutFields } from '../codec/fields/index.ts';
import { declaredLength } from '../codec/http1/index.ts';
import type { ResponsePacket } from '../codec/zhttp/index.ts';
import { type ResponseHead, UNKNOWN_LENGTH } from '../exchange/index.ts';

/**
 * The head of a response from its first packet, or what is wrong with it.
 * @param more whether data follows the packet: without it and without Content-Length the body is what the packet has
 */
export function responseHead(packet: ResponsePacket, more: boolean): ResponseHead | string {
  const { code, reason, headers } = packet;
  if (code === 0) return 'the first packet has no code';
  // RFC 9110 §15.2: packets have no way to say that the final response follows an interim one.
  if (code < 200 || code > 999) return `${code} is no status of a final response`;
  const bodyLength = more ? UNKNOWN_LENGTH : packet.body.length;
  const declared = declaredLength(headers);
  if (typeof declared === 'string') return `Content-Length is ${declared}`;
  return { status: code, reason, headers, bodyLength: declared ?? bodyLength };
}

/**
 * The head of a response whose content coding the handler may have undone. Zurl keeps Content-Encoding then, and takes Content-Length away: where
 * that is there, the response is as the origin sent it.
 */
export function decodedHead(head: ResponseHead): ResponseHead {
  const { headers } = head;
  if (fieldValue(headers, 'content-encoding') === undefined || fieldValue(headers, 'content-length') !== undefined) {
    return head;
  }
  return { ...head, headers: withoutFields(headers, (name) => name === 'content-encoding') };
}
