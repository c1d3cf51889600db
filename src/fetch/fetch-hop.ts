import type { FetchRequest, Origin, WebSocketHop } from '../client/index.ts';
import { declaredLength, isToken } from '../codec/http1/index.ts';
import { ExchangeError, type HeaderList, type Peer, type RequestHead, UNKNOWN_LENGTH } from '../exchange/index.ts';
import type { FetchAuthority } from './fetch-authority.ts';
import { fetchFields, redirectedFields } from './fetch-fields.ts';
import { type FetchUri, parseFetchUri, resolveLocation } from './fetch-uri.ts';

/** Maximum number of redirects for one request. */
export const MAX_REDIRECTS = 8;

const NOBODY: Peer = { address: '', port: 0 };

/** Data that all hops of a request share. */
interface Common {
  readonly request: FetchRequest;
  /** The authority in the URI of the request. */
  readonly authority: FetchAuthority;
  readonly ipv4Only: boolean;
}

/**
 * One place that a request is sent to, and the head sent there: the place that the requester named, or the target of a redirect. The guard of
 * the request has allowed every name in it.
 */
export class FetchHop implements RequestHead, WebSocketHop {
  readonly id: string;
  readonly method: string;
  readonly target: string;
  readonly scheme: RequestHead['scheme'];
  /** `host[:port]` as in the Host field. */
  readonly authority: string;
  readonly version = '1.1';
  /** Host first. */
  readonly headers: HeaderList;
  readonly bodyLength: number;
  readonly peer = NOBODY;
  /** Those of the request. Credits granted before the hop is used may be added. */
  credits: number;
  readonly origin: Origin;
  readonly #common: Common;
  readonly #uri: FetchUri;
  /** Number of redirects that led here. */
  readonly #redirects: number;

  /** @throws ExchangeError as `FetchAuthority.origin` */
  constructor(
    common: Common,
    uri: FetchUri,
    redirects: number,
    method: string,
    headers: HeaderList,
    bodyLength: number,
  ) {
    const { request, ipv4Only } = common;
    const { authority, target } = uri;
    this.id = request.id;
    this.method = method;
    this.target = target;
    this.scheme = authority.scheme;
    this.authority = authority.text;
    this.headers = headers;
    this.bodyLength = bodyLength;
    this.credits = request.credits;
    this.origin = authority.origin(request.options, redirects === 0 || authority.equals(common.authority), ipv4Only);
    this.#common = common;
    this.#uri = uri;
    this.#redirects = redirects;
  }

  /**
   * The hop that a response with this status and Location redirects to (RFC 9110 §15.4). Null if it is the final response: redirects are
   * not followed, it is not a redirect, or its Location cannot be fetched.
   * @throws ExchangeError HF_TOO_MANY_REDIRECTS, HF_POLICY_VIOLATION
   */
  redirected(status: number, location: string): FetchHop | null {
    const { request } = this.#common;
    if (!request.options.followRedirects || !isRedirect(status)) return null;
    const from = this.#uri.authority;
    const uri = resolveLocation(this.#uri, location);
    if (uri === null) return null;
    if (this.#redirects >= MAX_REDIRECTS) {
      const detail = `${from.text}: more than ${MAX_REDIRECTS} redirects`;
      throw new ExchangeError('HF_TOO_MANY_REDIRECTS', detail);
    }
    const withBody = keepsBody(status, this.method);
    const headers = redirectedFields(this.headers, uri.authority, uri.authority.equals(from), withBody);
    const method = withBody || this.method === 'HEAD' ? this.method : 'GET';
    return new FetchHop(this.#common, uri, this.#redirects + 1, method, headers, withBody ? this.bodyLength : 0);
  }
}

/**
 * The hop for the URI of `request`.
 * @param webSocket whether a WebSocket is requested: the URI needs the scheme `ws` or `wss`, and the method is GET
 * @throws ExchangeError HF_FETCH_INVALID, HF_FETCH_CONTENT, HF_POLICY_VIOLATION
 */
export function firstHop(request: FetchRequest, webSocket: boolean, ipv4Only: boolean): FetchHop {
  const { method, headers, options } = request;
  const uri = parseFetchUri(request.uri);
  const { authority, userinfo } = uri;
  if (authority.isWebSocket !== webSocket) {
    const detail = webSocket ? 'URI scheme is not ws or wss' : 'URI scheme is not http or https';
    throw new ExchangeError('HF_FETCH_INVALID', detail);
  }
  if (!webSocket) checkMethod(method, request.bodyLength);
  const fields = fetchFields(headers, authority, userinfo, options.decompress);
  const common = { request, authority, ipv4Only };
  return webSocket
    ? new FetchHop(common, uri, 0, 'GET', fields, 0)
    : new FetchHop(common, uri, 0, method, fields, framedLength(request));
}

function checkMethod(method: string, bodyLength: number): void {
  if (!isToken(method)) throw new ExchangeError('HF_FETCH_INVALID', 'invalid method');
  // RFC 9110 §9.3.6: CONNECT asks for a tunnel, whose target no guard would check.
  if (method.toUpperCase() === 'CONNECT') throw new ExchangeError('HF_FETCH_INVALID', 'CONNECT is not supported');
  // RFC 9110 §9.3.2: content in a HEAD request has no meaning, and some servers take it for the next request.
  if (method === 'HEAD' && bodyLength !== 0) throw new ExchangeError('HF_FETCH_CONTENT');
}

/** Bytes of the body. If that is known only at its end, a valid Content-Length field is used. */
function framedLength({ bodyLength, headers }: FetchRequest): number {
  if (bodyLength !== UNKNOWN_LENGTH) return bodyLength;
  const declared = declaredLength(headers);
  return typeof declared === 'number' ? declared : UNKNOWN_LENGTH;
}

function isRedirect(status: number): boolean {
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308;
}

/** Whether the next request keeps method and body. RFC 9110 §15.4.2 and §15.4.3 allow turning POST into GET, as all clients do. */
function keepsBody(status: number, method: string): boolean {
  return status !== 303 && ((status !== 301 && status !== 302) || method !== 'POST');
}
