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
