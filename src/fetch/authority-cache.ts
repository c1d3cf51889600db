import { ExchangeError } from '../exchange/index.ts';
import { canonicalHost } from '../net/index.ts';
import { FetchAuthority, type FetchScheme } from './fetch-authority.ts';
import { hostText } from './host-text.ts';

/** Characters allowed in the host of a URI, by code, before it is parsed as a name or an IPv4 address. */
const NAME = codes('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._');
/** Characters of an IPv6 address between its brackets. A zone is valid on one machine only (RFC 6874 §1) and is refused. */
const IPV6 = codes('ABCDEFabcdef0123456789:.');

/** The authorities of URIs, by text: a repeated one costs one map lookup. */
export class AuthorityCache {
  readonly #limit: number;
  #known = emptyMaps();
  #size = 0;

  /** @param limit authorities kept; at the limit all are dropped, because the busy ones soon return */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** How many are kept now. */
  get size(): number {
    return this.#size;
  }

  /**
   * @param text `host[:port]` as in the URI, without userinfo, latin1
   * @throws ExchangeError HF_FETCH_INVALID
   */
  get(scheme: FetchScheme, text: string): FetchAuthority {
    const known = this.#known[scheme].get(text);
    if (known !== undefined) return known;
    const authority = parseAuthority(scheme, text);
    if (this.#size >= this.#limit) {
      this.#known = emptyMaps();
      this.#size = 0;
    }
    // `text` is a slice of the URI, and would keep all of it in memory.
    this.#known[scheme].set(Buffer.from(text, 'latin1').toString('latin1'), authority);
    this.#size++;
    return authority;
  }
}

function parseAuthority(scheme: FetchScheme, text: string): FetchAuthority {
  const isLiteral = text.startsWith('[');
  const colon = text.indexOf(':', isLiteral ? text.indexOf(']') : 0);
  const host = colon < 0 ? text : text.slice(0, colon);
  const canonical = canonicalHost(isLiteral ? checkedIpv6(host) : checkedName(host));
  if (canonical === null) throw invalid('invalid host in the URI');
  return new FetchAuthority(scheme, canonical, colon < 0 ? 0 : parsePort(text.slice(colon + 1)));
}

/** 0 for no digits at all, which RFC 3986 §3.2.3 allows. */
function parsePort(digits: string): number {
  if (digits === '') return 0;
  if (!/^[0-9]{1,5}$/.test(digits)) throw invalid('invalid port in the URI');
  const port = Number(digits);
  if (port < 1 || port > 65_535) throw invalid('port in the URI is not from 1 to 65535');
  return port;
}

function checkedIpv6(host: string): string {
  for (let i = 1; i < host.length - 1; i++) {
    if (IPV6[host.charCodeAt(i)] !== 1) throw invalid('invalid IP literal in the URI');
  }
  if (!host.endsWith(']')) throw invalid('invalid IP literal in the URI');
  return host;
}

/** The name as text, with valid characters only. */
function checkedName(host: string): string {
  for (let i = 0; i < host.length; i++) {
    const code = host.charCodeAt(i);
    if (code <= 0x7f && NAME[code] !== 1) throw invalid('invalid character in the host of the URI');
  }
  const text = hostText(host);
  if (text === null) throw invalid('host of the URI is not UTF-8');
  return text;
}

function emptyMaps(): Record<FetchScheme, Map<string, FetchAuthority>> {
  return { http: new Map(), https: new Map(), ws: new Map(), wss: new Map() };
}

function codes(chars: string): Uint8Array {
  const table = new Uint8Array(128);
  for (const char of chars) table[char.charCodeAt(0)] = 1;
  return table;
}

function invalid(detail: string): ExchangeError {
  return new ExchangeError('HF_FETCH_INVALID', detail);
}
