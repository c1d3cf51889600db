import { isIPv4, isIPv6 } from 'node:net';
import { textError } from './config-error.ts';
import { shown } from './plain-text.ts';

/** A host name or address and a TCP port. An IPv6 address is without brackets. */
export interface HostPort {
  readonly host: string;
  /** 0 to 65535. */
  readonly port: number;
}

/** Whether `name` is a valid host name (as in DNS and /etc/hosts, underscores allowed) or an IPv4 address. */
export function isHostName(name: string): boolean {
  if (/^[0-9.]+$/.test(name)) return isIPv4(name);
  return name.length <= 253 && /^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?$/i.test(name);
}

/**
 * Parses `HOST:PORT` or `[IPV6]:PORT`. `lowestPort` is 0 where the system may choose the port, else 1. Throws a `ConfigError`.
 */
export function parseHostPort(text: string, lowestPort: 0 | 1): HostPort {
  if (text.includes('/')) {
    throw textError(`expected a host and a port without scheme or path, such as "localhost:8000", got ${shown(text)}`);
  }
  const match = /^(?:\[([^[\]]*)\]|([^:[\]]*))(?::([^:]*))?$/.exec(text);
  if (match === null) {
    const hint =
      isIPv6(text) || isIPv6(text.replace(/:\d+$/, '')) ? '; an IPv6 address needs brackets: "[::1]:8000"' : '';
    throw textError(`expected "HOST:PORT" or "[IPV6]:PORT", got ${shown(text)}${hint}`);
  }
  const [, v6, name, port] = match;
  if (v6 !== undefined && !isIPv6(v6)) throw textError(`${shown(v6)} is not an IPv6 address`);
  if (name === '') throw textError(`the host is missing in ${shown(text)}`);
  if (name !== undefined && !isHostName(name)) throw textError(`${shown(name)} is not a host name or an IPv4 address`);
  if (port === undefined) throw textError(`the port is missing: expected ${shown(`${text}:PORT`)}`);
  return { host: v6 ?? name ?? '', port: parsePort(port, lowestPort) };
}

/** Parses a port in decimal digits. Throws a `ConfigError`. */
export function parsePort(text: string, lowestPort: 0 | 1): number {
  const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : -1;
  if (port < lowestPort || port > 65_535) {
    throw textError(`${shown(text)} is not a port: expected a whole number from ${lowestPort} to 65535`);
  }
  return port;
}

/** The text that `parseHostPort` reads as `address`. */
export function formatHostPort(address: HostPort): string {
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}
