import { isOfConnection, withoutFields } from '../codec/fields/index.ts';
import { reasonPhrase } from '../codec/http1/index.ts';
import { type ResponseHead, UNKNOWN_LENGTH } from '../exchange/index.ts';

/**
 * A head for a requester that writes HTTP: its fields say how long the body is, and nothing of the connection that the response came by
 * (RFC 9110 §7.6.1, §8.6).
 * @param method of the request
 */
export function framedHead(head: ResponseHead, method: string): ResponseHead {
  const { status, bodyLength } = head;
  const bodyless = method === 'HEAD' || status === 304;
  // The Content-Length of a response without a body says what the body would have been.
  const given = bodyless && (status === 304 || bodyLength <= 0);
  const headers = withoutFields(head.headers, (name) => isOfConnection(name) || (!given && name === 'content-length'));
  if (!given && status !== 204 && status !== 101 && bodyLength !== UNKNOWN_LENGTH) {
    headers.push('Content-Length', String(bodyLength));
  }
  return { status, reason: head.reason || reasonPhrase(status), headers, bodyLength };
}
