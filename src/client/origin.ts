import type { DialTarget, Guard, TlsClientSettings } from '../net/index.ts';

/** Where to send requests, and what connections there are trusted for. */
export interface Origin extends DialTarget {
  /** `host:port` as in a URI, for the log. */
  readonly name: string;
  /** Origins with the same key may share connections: it covers everything in `DialTarget`. */
  readonly key: string;
}

/**
 * The origin at `host`; an IPv6 literal may be in brackets. Make it once per target, not per request: computing its key takes some work.
 */
export function originOf(
  host: string,
  port: number,
  tls: TlsClientSettings | null = null,
  guard: Guard | null = null,
  ipv4Only = false,
): Origin {
  const bare = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
  const name = bare.includes(':') ? `[${bare}]:${port}` : `${bare}:${port}`;
  // Each part before the name ends by itself, so a made-up host cannot look like the trust of another origin.
  const key = `${guard === null ? '-' : guard.id} ${ipv4Only ? 4 : 0} ${trustKey(tls)} ${name}`;
  return { host: bare, port, tls, guard, ipv4Only, name, key };
}

/** Ends where its JSON does; `-` means no TLS. */
function trustKey(tls: TlsClientSettings | null): string {
  if (tls === null) return '-';
  return JSON.stringify([tls.serverName, tls.alsoTrusted, tls.verify, tls.clientCert, tls.clientKey]);
}
