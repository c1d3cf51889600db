import { isIP } from 'node:net';
import { textError } from './config-error.ts';
import { formatHostPort, type HostPort, parseHostPort } from './host-port.ts';
import { shown } from './plain-text.ts';

/** The forms of a DNS server, phrased to follow "expected". */
export const DNS_SERVER_FORMS =
  'an address such as "192.0.2.53", "192.0.2.53:5353", "2001:db8::53" or "[2001:db8::53]:5353"';

/** RFC 1035 §4.2: where DNS servers listen. */
const DNS_PORT = 53;

/** Parses the address of a DNS server, with or without a port. A name would itself need a DNS server. Throws a `ConfigError`. */
export function parseDnsServer(text: string): HostPort {
  const bare = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text;
  const isBare = isIP(bare) !== 0 || !text.includes(':');
  const server = isBare ? { host: bare, port: DNS_PORT } : parseHostPort(text, 1);
  // A zone (RFC 4007 §11) is valid on one machine only.
  if (isIP(server.host) === 0 || server.host.includes('%'))
    throw textError(`expected ${DNS_SERVER_FORMS}, got ${shown(text)}`);
  return server;
}

/** The text that `parseDnsServer` reads as `server`. */
export function formatDnsServer(server: HostPort): string {
  return server.port === DNS_PORT ? server.host : formatHostPort(server);
}
