import { isIP } from 'node:net';
import { fieldValues } from '../codec/fields/index.ts';
import { hostOf } from '../codec/http1/index.ts';
import { ExchangeError, type RequestHead } from '../exchange/index.ts';

/**
 * Why a request may not use the control port, because a web page of another site is behind it. Null if nothing says so.
 *
 * A browser lets any page send a simple POST anywhere, to loopback too, but says where the page is from (Fetch Metadata §2.3, Fetch §3.1).
 * A page whose own name was made to point here (DNS rebinding) counts as same-origin for the browser, but its name is in Host.
 * @param origins those of pages that may use it
 * @param hosts names, in lower case, under which the control port may be addressed; `*` for any
 */
export function refusedSource(
  request: RequestHead,
  hosts: readonly string[],
  origins: readonly string[] = [],
): ExchangeError | null {
  const { method, headers, authority, peer } = request;
  if (allowedOrigin(request, origins) !== null) return null;
  const sites = fieldValues(headers, 'sec-fetch-site');
  // Fetch Metadata §2.3: one token, in lower case. Browsers send nothing else.
  if (sites.length > 1 || !['same-origin', 'none'].includes(sites[0] ?? 'none')) {
    return new ExchangeError('HF_CROSS_SITE', `Sec-Fetch-Site is ${sites.join(', ')}`);
  }
  const pages = fieldValues(headers, 'origin');
  for (const origin of pages) {
    if (!isOwnOrigin(origin, authority)) return new ExchangeError('HF_CROSS_SITE', `Origin is ${origin}`);
  }
  // Fetch §3.2: a browser names the page behind a request with any other method. A publisher may use any name of this host.
  if (pages.length === 0 && sites.length === 0 && method !== 'GET' && method !== 'HEAD') return null;
  // No browser connects to a unix socket, and none leaves Host out.
  if (peer.address === '' || authority === '' || isKnownHost(hostOf(authority), hosts)) return null;
  return new ExchangeError('HF_CONTROL_HOST', `Host is ${authority}`);
}

/** The origin of the page behind a request, if it is one of these; null otherwise. */
export function allowedOrigin({ headers }: RequestHead, origins: readonly string[]): string | null {
  if (origins.length === 0) return null;
  const [origin, ...more] = fieldValues(headers, 'origin');
  return origin !== undefined && more.length === 0 && origins.includes(origin.toLowerCase()) ? origin : null;
}

/** Whether an Origin (RFC 6454 §7) is that of the control port itself. */
function isOwnOrigin(origin: string, authority: string): boolean {
  const start = origin.indexOf('://');
  if (start < 0) return false;
  const defaultPort = origin.slice(0, start).toLowerCase() === 'https' ? ':443' : ':80';
  const own = authority.toLowerCase();
  const other = origin.slice(start + 3).toLowerCase();
  return other === own || other + defaultPort === own || other === own + defaultPort;
}

function isKnownHost(host: string, hosts: readonly string[]): boolean {
  if (host === 'localhost' || host.endsWith('.localhost')) return true;
  const address = host.startsWith('[') ? host.slice(1, -1) : host;
  return isIP(address) !== 0 || hosts.includes(host) || hosts.includes('*');
}
