import { ExchangeError } from '../exchange/index.ts';
import { AuthorityCache } from './authority-cache.ts';
import type { FetchAuthority, FetchScheme } from './fetch-authority.ts';

/** A parsed URI that can be fetched (RFC 3986 §3). Its text is latin1, one character per byte, as in a packet. */
export interface FetchUri {
  /** Shared with other URIs of the same authority. */
  readonly authority: FetchAuthority;
  /** Path and query as given, dots and escapes included; non-ASCII bytes are percent-encoded. Starts with a slash. */
  readonly target: string;
  /** The part of the authority before the `@`, as given; empty without one. */
  readonly userinfo: string;
}

/** Maximum length of a URI: far more than servers accept, only to bound the work. */
export const MAX_URI = 65_536;

/**
 * Authorities that are remembered, about 512 bytes each: most programs request the same few origins.
 * @bound fetch-authorities
 */
const MAX_AUTHORITIES = 1_000;

const SCHEMES: readonly FetchScheme[] = ['https', 'http', 'wss', 'ws'];

/** RFC 3986 §3.1. */
const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*:/;

const HASH = 0x23;
const SLASH = 0x2f;
const QUESTION = 0x3f;
const AT = 0x40;
const BACKSLASH = 0x5c;

const authorities = new AuthorityCache(MAX_AUTHORITIES);

/**
 * Parses a URI with the scheme `http`, `https`, `ws` or `wss`. Anything that programs read differently is refused, so that what one has checked is
 * what another connects to: white space and control characters anywhere, a backslash before the query, a second `@`, escapes in the host.
 * @throws ExchangeError HF_FETCH_INVALID
 */
export function parseFetchUri(uri: string): FetchUri {
  if (uri.length > MAX_URI) throw invalid(`URI is longer than ${MAX_URI} bytes`);
  const scheme = schemeOf(uri);
  if (scheme === null) throw invalid('URI scheme is not http, https, ws or wss');
  const start = scheme.length + '://'.length;
  let end = start;
  let at = -1;
  for (; end < uri.length; end++) {
    const code = uri.charCodeAt(end);
    if (code === SLASH || code === QUESTION || code === HASH) break;
    if (code !== AT) continue;
    if (at >= 0) throw invalid('URI has more than one @ before its path');
    at = end;
  }
  const target = readTarget(uri, end);
  if (at < 0) return { authority: authorities.get(scheme, uri.slice(start, end)), target, userinfo: '' };
  const userinfo = uri.slice(start, at);
  checkUserinfo(userinfo);
  return { authority: authorities.get(scheme, uri.slice(at + 1, end)), target, userinfo };
}

/**
 * The URI that a Location field with the value `location` means in a response to `base` (RFC 9110 §10.2.2, RFC 3986 §5.2), or null if it cannot
 * be fetched. Many servers do not encode spaces, so they are encoded here. Userinfo in it is ignored: credentials are the requester's to
 * give. From `ws` and `wss` it leads there again, even if it says `http` or `https`.
 */
export function resolveLocation(base: FetchUri, location: string): FetchUri | null {
  if (location === '') return null;
  const reference = location.includes(' ') ? location.replaceAll(' ', '%20') : location;
  try {
    const { authority, target } = resolve(base, reference);
    return { authority, target: withoutDots(target), userinfo: '' };
  } catch (error) {
    if (!(error instanceof ExchangeError)) throw error;
    return null;
  }
}

/** @throws ExchangeError HF_FETCH_INVALID */
function resolve(base: FetchUri, reference: string): FetchUri {
  const { authority, target } = base;
  if (SCHEME.test(reference)) return inFamily(parseFetchUri(reference), reference, authority);
  if (reference.startsWith('//')) return parseFetchUri(`${authority.scheme}:${reference}`);
  const query = target.indexOf('?');
  const path = query < 0 ? target : target.slice(0, query);
  let text: string;
  if (reference.startsWith('/')) text = reference;
  else if (reference.startsWith('?')) text = path + reference;
  else if (reference.startsWith('#')) text = target;
  else text = path.slice(0, path.lastIndexOf('/') + 1) + reference;
  if (text.length > MAX_URI) throw invalid(`URI is longer than ${MAX_URI} bytes`);
  return { authority, target: readTarget(text, 0), userinfo: '' };
}

/** The URI `uri`, parsed from `text`, with the scheme adapted to the protocol of `base`. */
function inFamily(uri: FetchUri, text: string, base: FetchAuthority): FetchUri {
  const { scheme, secure, isWebSocket } = uri.authority;
  if (isWebSocket === base.isWebSocket) return uri;
  if (isWebSocket) throw invalid(`${scheme} is not an HTTP scheme`);
  return parseFetchUri((secure ? 'wss' : 'ws') + text.slice(scheme.length));
}

function schemeOf(uri: string): FetchScheme | null {
  for (const scheme of SCHEMES) {
    const { length } = scheme;
    if (!uri.startsWith('://', length)) continue;
    if (uri.startsWith(scheme) || uri.slice(0, length).toLowerCase() === scheme) return scheme;
  }
  return null;
}

/** Path and query from `start` of `text`, where either begins or nothing is left. */
function readTarget(text: string, start: number): string {
  let end = start;
  let inQuery = false;
  let encoded = false;
  for (; end < text.length; end++) {
    const code = text.charCodeAt(end);
    if (code === HASH) break;
    if (code === QUESTION) inQuery = true;
    else if (code <= 0x20 || code === 0x7f) throw invalid('white space or a control character in the URI');
    else if (code === BACKSLASH && !inQuery) throw invalid('backslash in the URI');
    else if (code > 0x7f) encoded = true;
  }
  const target = text.slice(start, end);
  const rooted = target.charCodeAt(0) === SLASH ? target : `/${target}`;
  return encoded ? withEscapes(rooted) : rooted;
}

/** RFC 3986 §2.1: non-ASCII text is escaped byte by byte. */
function withEscapes(target: string): string {
  let text = '';
  for (let i = 0; i < target.length; i++) {
    const code = target.charCodeAt(i);
    if (code > 0xff) throw invalid('character above U+00FF in the URI');
    text += code > 0x7f ? `%${code.toString(16).toUpperCase()}` : target[i];
  }
  return text;
}

/** Any visible character except the backslash, which ends the authority for some programs. */
function checkUserinfo(userinfo: string): void {
  for (let i = 0; i < userinfo.length; i++) {
    const code = userinfo.charCodeAt(i);
    if (code <= 0x20 || code >= 0x7f || code === BACKSLASH) throw invalid('userinfo of the URI needs escapes');
  }
}

/** Removes dot segments from the path (RFC 3986 §5.2.4). */
function withoutDots(target: string): string {
  if (!target.includes('/.')) return target;
  const query = target.indexOf('?');
  const path = query < 0 ? target : target.slice(0, query);
  const segments = path.slice(1).split('/');
  const kept: string[] = [];
  for (const [index, segment] of segments.entries()) {
    const dots = segment === '.' || segment === '..';
    if (segment === '..') kept.pop();
    if (!dots) kept.push(segment);
    else if (index === segments.length - 1) kept.push('');
  }
  return `/${kept.join('/')}${target.slice(path.length)}`;
}

function invalid(detail: string): ExchangeError {
  return new ExchangeError('HF_FETCH_INVALID', detail);
}
