import { connect, type OnReadOpts, type Socket } from 'node:net';
import { KEEP_ALIVE_DELAY } from './keep-alive.ts';

/**
 * Opens a TCP connection: this file is the one place of the program that dials. What goes wrong, name resolution included,
 * arrives as the socket's `error` event; when several addresses of a name were tried, as an `AggregateError`.
 * @param host a name, or an IPv4 or IPv6 literal; brackets around it are taken off
 * @param port 1 to 65535
 * @param onRead takes what arrives, out of one buffer for every read, in place of `data` events: much cheaper for small reads
 * @throws RangeError when `port` is out of its range
 */
export function dial(host: string, port: number, onRead?: OnReadOpts): Socket {
  return connect({
    host: withoutBrackets(host),
    port,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_DELAY,
    onread: onRead,
  });
}

/**
 * Opens a connection to a unix socket.
 * @param path of the socket file; a name in Linux's abstract namespace begins with a zero byte
 */
export function dialUnix(path: string): Socket {
  return connect({ path });
}

/** RFC 3986 §3.2.2: an IPv6 literal stands in brackets wherever a port may follow it; the resolver wants it bare. */
function withoutBrackets(host: string): string {
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
}
