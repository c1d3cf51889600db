import type { Guard, TlsClientSettings } from '../net/index.ts';

/** Where requests are sent to, and all that a connection to it is trusted for. */
export interface Origin {
  /** Host that is dialled: a name, or an IPv4 or IPv6 literal without brackets. */
  readonly host: string;
  /** 1 to 65535. */
  readonly port: number;
  /** Null: plain HTTP. */
  readonly tls: TlsClientSettings | null;
  /** Which addresses may be dialled; null: all. */
  readonly guard: Guard | null;
  /** Its `host:port` as it stands in a URI, for the log. */
  readonly name: string;
  /** Connections of origins with the same key may stand in for each other: it tells apart everything above. */
  readonly key: string;
}

/** The origin at `host`, which may have brackets around an IPv6 literal. Made once for each target, as its key is some work. */
export function originOf(host: string, port: number, tls: TlsClientSettings | null = null, guard: Guard | null = null): Origin {
  const bare = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
  const name = bare.includes(':') ? `[${bare}]:${port}` : `${bare}:${port}`;
  return { host: bare, port, tls, guard, name, key: keyOf(name, tls, guard) };
}

function keyOf(name: string, tls: TlsClientSettings | null, guard: Guard | null): string {
  if (tls === null && guard === null) return name;
  const trust =
    tls === null
      ? 'plain'
      : JSON.stringify([tls.serverName, tls.alsoTrusted, tls.verify, tls.clientCert, tls.clientKey]);
  return `${name} ${guard?.id ?? 0} ${trust}`;
}
