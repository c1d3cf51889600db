import type { RequestHead } from '../exchange/index.ts';

/** What stands in a URI for the host of a request that names none (HTTP/1.0). */
const NO_HOST = 'localhost';

/** The whole URI of a request, as packets have it. */
export function requestUri({ scheme, authority, target }: RequestHead): string {
  // RFC 9112 §3.2.4: the asterisk of OPTIONS stands for no path at all.
  return `${scheme}://${authority === '' ? NO_HOST : authority}${target === '*' ? '' : target}`;
}
