import { declaredLength } from '../codec/http1/index.ts';
import type { RequestPacket } from '../codec/zhttp/index.ts';
import { UNKNOWN_LENGTH } from '../exchange/index.ts';

/** What the scheme of a URI asks for. */
export type RequestKind = 'http' | 'websocket' | 'none';

export function requestKind(uri: string): RequestKind {
  if (uri.startsWith('http://') || uri.startsWith('https://')) return 'http';
  if (uri.startsWith('ws://') || uri.startsWith('wss://')) return 'websocket';
  // RFC 3986 §3.1: schemes are not case-sensitive.
  const scheme = uri.slice(0, uri.indexOf('://') + 1).toLowerCase();
  if (scheme === 'http:' || scheme === 'https:') return 'http';
  return scheme === 'ws:' || scheme === 'wss:' ? 'websocket' : 'none';
}

/**
 * What is wrong with a first packet, judged in Zurl's order; null if the request can be tried.
 * @param named whether further packets can be for it: it has an address and an id, and did not come in req mode
 * @param req whether it came in req mode
 */
export function defectOf(packet: RequestPacket, kind: RequestKind, named: boolean, req: boolean): string | null {
  const { type, uri, method, more } = packet;
  if (type !== 'data') return `a first packet of type ${type}`;
  if (uri === '') return 'no uri';
  if (kind === 'none') return 'the scheme of the uri is not http, https, ws or wss';
  const webSocket = kind === 'websocket';
  if (req && webSocket) return 'a WebSocket in req mode';
  if (req && more) return 'more in req mode';
  if (!webSocket && method === '') return 'no method';
  if (!webSocket && !more) return null;
  const what = webSocket ? 'a WebSocket' : 'more';
  if (!named) return `${what} without from and id`;
  const seq = packet.ids[0]?.seq ?? null;
  if (seq !== 0) return `${what} with a first seq ${seq === null ? 'that is absent' : `of ${seq}`}`;
  const length = webSocket ? null : declaredLength(packet.headers);
  return typeof length === 'string' ? `Content-Length is ${length}` : null;
}

/** Bytes of the request body, as far as they are known. The packet is one without defect. */
export function bodyLengthOf({ headers, body, more }: RequestPacket): number {
  if (!more) return body.length;
  const declared = declaredLength(headers);
  return typeof declared === 'number' ? declared : UNKNOWN_LENGTH;
}
