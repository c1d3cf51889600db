import { connect, type OnReadOpts, type Socket } from 'node:net';
import { KEEP_ALIVE_DELAY } from './keep-alive.ts';

/**
 * Opens a TCP connection. This is the only place in the program that dials. Failures, name resolution included, arrive as the socket's
 * `error` event; if several addresses of a name were tried, as an `AggregateError`.
 * @param host a name, or an IPv4 or IPv6 literal; surrounding brackets are removed
 * @param port 1 to 65535
 * @param onRead receives the bytes instead of `data` events, from one buffer for all reads: much cheaper for small reads
 * @throws RangeError when `port` is out of range
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
 * @param onRead as for `dial`
 */
export function dialUnix(path: string, onRead?: OnReadOpts): Socket {
  return connect({ path, onread: onRead });
}

/** RFC 3986 §3.2.2: an IPv6 literal is in brackets wherever a port may follow; the resolver wants it without. */
function withoutBrackets(host: string): string {
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
}
