import type { DialTarget, Guard, TlsClientSettings } from '../net/index.ts';

/** Where requests are sent, and everything that a connection to it is trusted for. */
export interface Origin extends DialTarget {
  /** Its `host:port` as it stands in a URI, for the log. */
  readonly name: string;
  /** Connections of origins with the same key may stand in for each other: it tells apart everything that `DialTarget` has. */
  readonly key: string;
}

/**
 * The origin at `host`, which may have brackets around an IPv6 literal. Make it once for each target and not for each request: its key
 * is some work.
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

/** Ends where its JSON does; `-` stands for no TLS. */
function trustKey(tls: TlsClientSettings | null): string {
  if (tls === null) return '-';
  return JSON.stringify([tls.serverName, tls.alsoTrusted, tls.verify, tls.clientCert, tls.clientKey]);
}
