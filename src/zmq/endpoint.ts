import { isIPv6 } from 'node:net';
import { ZmqError } from './zmq-error.ts';

/** Where a socket binds or connects. */
export type Endpoint =
  /** `host` null: all interfaces. Port 0: any free one. */
  | { readonly kind: 'tcp'; readonly host: string | null; readonly port: number }
  /** An abstract name starts with a zero byte. */
  | { readonly kind: 'ipc'; readonly path: string };

/** Bytes of `sun_path`, less the terminating zero byte. */
const MAX_PATH_BYTES = 107;

const TCP = /^tcp:\/\/(\*|\[[^\]]*\]|[^:[\]/*\s]+):(\*|\d{1,5})$/;

/**
 * Parses `tcp://HOST:PORT` or `ipc://PATH`. HOST is a name, an IPv4 address or an IPv6 address in brackets. To bind, HOST may be `*`
 * (all interfaces), and PORT `*` or 0 (any free one). PATH is absolute, or relative to the working directory, or `@NAME` for a
 * name in Linux's abstract namespace.
 * @throws ZmqError `endpoint` for anything else, `unsupported` for an abstract name that this Node.js cannot use
 */
export function parseEndpoint(text: string, use: 'bind' | 'connect'): Endpoint {
  if (text.startsWith('ipc://')) return parseIpc(text, text.slice(6));
  const match = TCP.exec(text);
  if (match === null) throw bad(text, 'expected tcp://HOST:PORT or ipc://PATH');
  const host = match[1] as string;
  const port = match[2] === '*' ? 0 : Number(match[2]);
  if (port > 65_535) throw bad(text, 'the port must be at most 65535');
  if (use === 'connect' && port === 0) throw bad(text, 'missing port to connect to');
  if (host === '*') {
    if (use === 'connect') throw bad(text, 'missing host to connect to');
    return { kind: 'tcp', host: null, port };
  }
  if (!host.startsWith('[')) return { kind: 'tcp', host, port };
  const bare = host.slice(1, -1);
  if (!isIPv6(bare)) throw bad(text, 'not an IPv6 address in brackets');
  return { kind: 'tcp', host: bare, port };
}

/**
 * Whether a Node.js on this version of libuv can use abstract names like other programs: before 1.48 it pads them with zero bytes, which
 * makes them different names.
 */
export function hasAbstractNames(platform: string, libuv: string): boolean {
  const [major = 0, minor = 0] = libuv.split('.').map(Number);
  return platform === 'linux' && (major > 1 || minor >= 48);
}

function parseIpc(text: string, path: string): Endpoint {
  if (path === '' || path.includes('\0')) throw bad(text, 'missing path');
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) throw bad(text, `the path must be at most ${MAX_PATH_BYTES} bytes`);
  if (!path.startsWith('@')) return { kind: 'ipc', path };
  if (path === '@') throw bad(text, 'missing name after @');
  const libuv = process.versions.uv;
  if (!hasAbstractNames(process.platform, libuv)) {
    const needed = 'abstract names need Linux and a Node.js on libuv 1.48 or later';
    throw new ZmqError('unsupported', `${text}: ${needed}; this is ${process.platform}, libuv ${libuv}`);
  }
  return { kind: 'ipc', path: `\0${path.slice(1)}` };
}

function bad(text: string, why: string): ZmqError {
  return new ZmqError('endpoint', `${text}: ${why}`);
}
