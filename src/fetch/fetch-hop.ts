import type { FetchRequest, Origin, WebSocketHop } from '../client/index.ts';
import { fieldValues } from '../codec/fields/index.ts';
import { Http1Error, isToken, parseContentLength } from '../codec/http1/index.ts';
import { ExchangeError, type HeaderList, type Peer, type RequestHead, UNKNOWN_LENGTH } from '../exchange/index.ts';
import type { FetchAuthority } from './fetch-authority.ts';
import { fetchFields, redirectedFields } from './fetch-fields.ts';
import { type FetchUri, parseFetchUri, resolveLocation } from './fetch-uri.ts';

/** Redirects that are followed for one request. */
export const MAX_REDIRECTS = 8;

const NOBODY: Peer = { address: '', port: 0 };

/** What stays the same wherever a request is redirected to. */
interface Asked {
  readonly request: FetchRequest;
  /** What the URI of the request names. */
  readonly authority: FetchAuthority;
  readonly ipv4Only: boolean;
}

/**
 * One place that a request is sent to, and the head that is sent there: the place that the asker named, or one that a redirect leads to.
 * The guard of the request has allowed every name in it.
 */
export class FetchHop implements RequestHead, WebSocketHop {
  readonly id: string;
  readonly method: string;
  readonly target: string;
  readonly scheme: RequestHead['scheme'];
  /** `host[:port]` as it stands in the Host field. */
  readonly authority: string;
  readonly version = '1.1';
  /** Host first. */
  readonly headers: HeaderList;
  readonly bodyLength: number;
  readonly peer = NOBODY;
  /** Those of the request. Before the hop is used, what has been granted since may be added. */
  credits: number;
  readonly origin: Origin;
  readonly #asked: Asked;
  readonly #uri: FetchUri;
  /** Redirects that led here. */
  readonly #redirects: number;

  /** @throws ExchangeError as `FetchAuthority.origin` */
  constructor(asked: Asked, uri: FetchUri, redirects: number, method: string, headers: HeaderList, bodyLength: number) {
    const { request, ipv4Only } = asked;
    const { authority, target } = uri;
    this.id = request.id;
    this.method = method;
    this.target = target;
    this.scheme = authority.scheme;
    this.authority = authority.text;
    this.headers = headers;
    this.bodyLength = bodyLength;
    this.credits = request.credits;
    this.origin = authority.origin(request.options, redirects === 0 || authority.equals(asked.authority), ipv4Only);
    this.#asked = asked;
    this.#uri = uri;
    this.#redirects = redirects;
  }

  /**
   * Where an answer with this status and Location leads to (RFC 9110 §15.4), or null when it is the answer: because redirects are not
   * followed, it is none, or its Location is none that can be fetched.
   * @throws ExchangeError HF_TOO_MANY_REDIRECTS, HF_POLICY_VIOLATION
   */
  redirected(status: number, location: string): FetchHop | null {
    const { request } = this.#asked;
    if (!request.options.followRedirects || !isRedirect(status)) return null;
    const from = this.#uri.authority;
    const uri = resolveLocation(this.#uri, location);
    if (uri === null) return null;
    if (this.#redirects >= MAX_REDIRECTS) {
      const detail = `${from.text}: redirects after ${MAX_REDIRECTS} redirects`;
      throw new ExchangeError('HF_TOO_MANY_REDIRECTS', detail);
    }
    const withBody = keepsBody(status, this.method);
    const headers = redirectedFields(this.headers, uri.authority, uri.authority.equals(from), withBody);
    const method = withBody || this.method === 'HEAD' ? this.method : 'GET';
    return new FetchHop(this.#asked, uri, this.#redirects + 1, method, headers, withBody ? this.bodyLength : 0);
  }
}

/**
 * The place that `request` names.
 * @param webSocket whether a WebSocket is asked for there: the URI has to have one of its schemes, and the method is GET
 * @throws ExchangeError HF_FETCH_INVALID, HF_FETCH_CONTENT, HF_POLICY_VIOLATION
 */
export function firstHop(request: FetchRequest, webSocket: boolean, ipv4Only: boolean): FetchHop {
  const { method, headers, options } = request;
  const uri = parseFetchUri(request.uri);
  const { authority, userinfo } = uri;
  if (authority.isWebSocket !== webSocket) {
    const detail = webSocket ? 'URI is not one of a WebSocket' : 'URI is one of a WebSocket';
    throw new ExchangeError('HF_FETCH_INVALID', detail);
  }
  if (!webSocket) checkMethod(method, request.bodyLength);
  const fields = fetchFields(headers, authority, userinfo, options.decompress);
  const asked = { request, authority, ipv4Only };
  return webSocket
    ? new FetchHop(asked, uri, 0, 'GET', fields, 0)
    : new FetchHop(asked, uri, 0, method, fields, framedLength(request));
}

function checkMethod(method: string, bodyLength: number): void {
  if (!isToken(method)) throw new ExchangeError('HF_FETCH_INVALID', 'method is no token');
  // RFC 9110 §9.3.6: it asks for a tunnel, not for a response, and would get one to where no guard looks.
  if (method.toUpperCase() === 'CONNECT') throw new ExchangeError('HF_FETCH_INVALID', 'CONNECT is not offered here');
  // RFC 9110 §9.3.2: content of a HEAD request has no meaning, and some servers take it for the next request.
  if (method === 'HEAD' && bodyLength !== 0) throw new ExchangeError('HF_FETCH_CONTENT');
}

/** Bytes of the body, which a Content-Length field may tell where only the end would. One that cannot be right tells nothing. */
function framedLength({ bodyLength, headers }: FetchRequest): number {
  if (bodyLength !== UNKNOWN_LENGTH) return bodyLength;
  const values = fieldValues(headers, 'content-length');
  const value = values[0];
  if (value === undefined || values.some((other) => other !== value)) return UNKNOWN_LENGTH;
  try {
    return parseContentLength(value);
  } catch (error) {
    if (!(error instanceof Http1Error)) throw error;
    return UNKNOWN_LENGTH;
  }
}

function isRedirect(status: number): boolean {
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308;
}

/** Whether the next request has method and body of this one. RFC 9110 §15.4.2 and §15.4.3 allow, as all clients do, to make GET of POST. */
function keepsBody(status: number, method: string): boolean {
  return status !== 303 && ((status !== 301 && status !== 302) || method !== 'POST');
}
