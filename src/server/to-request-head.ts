import { CHUNKED, type Http1RequestHead } from '../codec/http1/index.ts';
import { type Peer, type RequestHead, UNKNOWN_LENGTH, WINDOW } from '../exchange/index.ts';

/** The head of an exchange, from what the client sent. */
export function toRequestHead(
  head: Http1RequestHead,
  id: string,
  peer: Peer,
  scheme: RequestHead['scheme'],
): RequestHead {
  return {
    id,
    method: head.method,
    target: head.target,
    scheme,
    authority: head.authority,
    version: head.version,
    headers: head.headers,
    bodyLength: head.bodyLength === CHUNKED ? UNKNOWN_LENGTH : head.bodyLength,
    peer,
    credits: WINDOW,
  };
}
