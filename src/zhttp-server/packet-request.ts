import { DEFAULT_FETCH_OPTIONS, type FetchOptions } from '../client/index.ts';
import type { RequestPacket } from '../codec/zhttp/index.ts';
import { UNKNOWN_LENGTH } from '../exchange/index.ts';
import type { Guard } from '../net/index.ts';
import { contentLength } from './content-length.ts';

/** What the scheme of a URI asks for. */
export type FetchKind = 'http' | 'websocket' | 'none';

export function fetchKind(uri: string): FetchKind {
  if (uri.startsWith('http://') || uri.startsWith('https://')) return 'http';
  if (uri.startsWith('ws://') || uri.startsWith('wss://')) return 'websocket';
  // RFC 3986 §3.1: any case will do.
  const scheme = uri.slice(0, uri.indexOf('://') + 1).toLowerCase();
  if (scheme === 'http:' || scheme === 'https:') return 'http';
  return scheme === 'ws:' || scheme === 'wss:' ? 'websocket' : 'none';
}

/**
 * What is wrong with a first packet, in the order of the original; null if it is a request that can be tried.
 * @param named whether further packets can be for it: it has an address and an id, and is no request of req mode
 * @param req whether it is one of req mode
 */
export function faultOf(packet: RequestPacket, kind: FetchKind, named: boolean, req: boolean): string | null {
  const { type, uri, method, more } = packet;
  if (type !== 'data') return `a first packet of type ${type}`;
  if (uri === '') return 'no uri';
  if (kind === 'none') return 'the scheme of the uri is none of http, https, ws and wss';
  const webSocket = kind === 'websocket';
  if (req && webSocket) return 'a WebSocket in req mode';
  if (req && more) return 'more in req mode';
  if (!webSocket && method === '') return 'no method';
  if (!webSocket && !more) return null;
  const what = webSocket ? 'a WebSocket' : 'more';
  if (!named) return `${what} without from and id`;
  const seq = packet.ids[0]?.seq ?? null;
  if (seq !== 0) return `${what} with a first seq ${seq === null ? 'that is absent' : `of ${seq}`}`;
  const length = webSocket ? null : contentLength(packet.headers);
  return typeof length === 'string' ? `Content-Length is ${length}` : null;
}

/** Bytes of the request body, as far as they are known. The packet is one without fault. */
export function bodyLengthOf({ headers, body, more }: RequestPacket): number {
  if (!more) return body.length;
  const declared = contentLength(headers);
  return typeof declared === 'number' ? declared : UNKNOWN_LENGTH;
}

/** Makes the options of requests. Most requests ask for nothing special, and share one object. */
export class FetchOptionsMaker {
  readonly #guarded: FetchOptions;
  readonly #unguarded: FetchOptions;
  readonly #obeyIgnorePolicies: boolean;

  /** @param requestTimeout milliseconds that no request may exceed; null for no bound */
  constructor(guard: Guard | null, obeyIgnorePolicies: boolean, decompress: boolean, requestTimeout: number | null) {
    this.#guarded = { ...DEFAULT_FETCH_OPTIONS, guard, decompress, timeout: requestTimeout };
    this.#unguarded = { ...this.#guarded, guard: null };
    this.#obeyIgnorePolicies = obeyIgnorePolicies;
  }

  of(packet: RequestPacket): FetchOptions {
    const shared = packet.ignorePolicies && this.#obeyIgnorePolicies ? this.#unguarded : this.#guarded;
    return isPlain(packet) ? shared : special(packet, shared);
  }
}

function isPlain(packet: RequestPacket): boolean {
  return (
    packet.timeout === null &&
    packet.maxSize === null &&
    packet.connectHost === '' &&
    packet.connectPort === 0 &&
    !packet.trustConnectHost &&
    !packet.ignoreTlsErrors &&
    !packet.followRedirects &&
    packet.clientCert === '' &&
    packet.clientKey === ''
  );
}

function special(packet: RequestPacket, shared: FetchOptions): FetchOptions {
  const { timeout } = packet;
  return {
    connectHost: packet.connectHost,
    connectPort: packet.connectPort,
    trustConnectHost: packet.trustConnectHost,
    ignoreTlsErrors: packet.ignoreTlsErrors,
    guard: shared.guard,
    followRedirects: packet.followRedirects,
    clientCert: packet.clientCert,
    clientKey: packet.clientKey,
    timeout:
      timeout === null || shared.timeout === null ? (timeout ?? shared.timeout) : Math.min(timeout, shared.timeout),
    maxSize: packet.maxSize,
    decompress: shared.decompress,
  };
}
