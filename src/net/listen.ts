import { chmodSync, chownSync, lstatSync, readFileSync, renameSync, type Stats, statSync, unlinkSync } from 'node:fs';
import { connect, createServer, type ListenOptions, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { systemErrorText } from '../exchange/index.ts';
import { ProxyProtocolAcceptor, type ProxyProtocolSettings } from './proxy-protocol-acceptor.ts';
import { TlsAcceptor, type TlsSettings } from './tls-acceptor.ts';

/** Where to listen: a TCP port (all interfaces when `host` is null; port 0 takes a free one) or a unix socket. */
export type ListenAddress =
  | { readonly kind: 'tcp'; readonly host: string | null; readonly port: number }
  | {
      readonly kind: 'unix';
      readonly path: string;
      /** Permission bits of the socket file; null leaves them to the umask. */
      readonly mode: number | null;
      /** Name or number of the owner; null leaves it. */
      readonly user: string | null;
      readonly group: string | null;
    };

/** How a listener accepts. */
export interface AcceptOptions {
  /** TLS settings. Default: no TLS. */
  readonly tls?: TlsSettings | undefined;
  /** Each connection begins with a PROXY header, before TLS. Default: none does. */
  readonly proxyProtocol?: ProxyProtocolSettings | undefined;
  /** A connection could not be accepted, e.g. because file descriptors ran out. The listener stays open. */
  readonly onError?: (error: Error) => void;
}

/** A bound listener. */
export interface Listener {
  /** Where it can be reached: `127.0.0.1:7999`, `[::1]:7999` or `unix:/path`. */
  readonly address: string;
  /** The bound TCP port, 0 for a unix socket. */
  readonly port: number;
  /** Stops accepting. Open connections stay, except for those whose PROXY header or TLS handshake is not complete. */
  close(): void;
}

/**
 * Binds `address` and passes every accepted socket to `accept`: after its PROXY header, and with `tls` a `TLSSocket` after its handshake.
 * @param highWaterMark bytes that a socket buffers in user space before it asks its writer to wait
 * @throws Error that names the address, if it cannot be bound
 */
export async function listen(
  address: ListenAddress,
  highWaterMark: number,
  accept: (socket: Socket) => void,
  { tls, proxyProtocol, onError = () => {} }: AcceptOptions = {},
): Promise<Listener> {
  const secure = tls === undefined ? null : new TlsAcceptor(tls, highWaterMark, accept);
  const inner = secure === null ? accept : secure.onConnection;
  const proxied = proxyProtocol === undefined ? null : new ProxyProtocolAcceptor(proxyProtocol, inner);
  const server = createServer(
    { allowHalfOpen: true, noDelay: true, highWaterMark },
    proxied === null ? inner : proxied.onConnection,
  );
  try {
    if (address.kind === 'unix') await listenUnix(server, address);
    else if (address.host === null) await bind(server, { port: address.port });
    else await bind(server, { host: address.host, port: address.port });
  } catch (error) {
    server.close();
    throw new Error(`cannot listen on ${describe(address)}: ${systemErrorText(error)}`);
  }
  server.on('error', onError);
  const listener = listenerOf(server);
  const close = () => {
    listener.close();
    proxied?.close();
    secure?.close();
  };
  return { ...listener, close };
}

function listenerOf(server: Server): Listener {
  const bound = server.address();
  if (bound === null || typeof bound === 'string') {
    const path = bound ?? '';
    const own = fileAt(path);
    return { address: `unix:${path}`, port: 0, close: () => closeUnix(server, path, own) };
  }
  return { address: `${hostText(bound.address)}:${bound.port}`, port: bound.port, close: () => server.close() };
}

function describe(address: ListenAddress): string {
  if (address.kind === 'unix') return `unix:${address.path}`;
  return `${address.host === null ? '*' : hostText(address.host)}:${address.port}`;
}

/** RFC 3986 §3.2.2: an IPv6 literal is in brackets wherever a port may follow. */
function hostText(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

function bind(server: Server, options: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ ...options, backlog: 4096 }, () => {
      server.removeAllListeners('error');
      resolve();
    });
  });
}

async function listenUnix(server: Server, address: ListenAddress & { kind: 'unix' }): Promise<void> {
  const { path, mode } = address;
  const owner = address.user === null ? -1 : lookUpId('/etc/passwd', address.user);
  const group = address.group === null ? -1 : lookUpId('/etc/group', address.group);
  // Node says EACCES where the folder is missing.
  if (!path.startsWith('\0')) statSync(dirname(path));
  if (await isStale(path)) unlinkSync(path);
  // No client can connect between the bind and the chmod.
  const umask = mode === null ? null : process.umask(0o177);
  // Node takes a path that reads as a number for a port.
  const bound = bind(server, { path: Number(path) >= 0 ? `./${path}` : path });
  if (umask !== null) process.umask(umask);
  await bound;
  if (owner !== -1 || group !== -1) chownSync(path, owner, group);
  if (mode !== null) chmodSync(path, mode);
}

/** Closes the listener, which removes whatever is at `path` by then: if another program's file is there, it is kept. */
function closeUnix(server: Server, path: string, own: Stats | undefined): void {
  const now = fileAt(path);
  if (now === undefined || (now.ino === own?.ino && now.dev === own.dev)) {
    server.close();
    return;
  }
  const aside = `${path}.${process.pid}`;
  renameSync(path, aside);
  server.close();
  renameSync(aside, path);
}

/** What is at `path`; undefined for nothing, and for a name in the abstract namespace, which begins with a zero byte. */
function fileAt(path: string): Stats | undefined {
  return path.startsWith('\0') ? undefined : lstatSync(path, { throwIfNoEntry: false });
}

/** Whether `path` is a socket file without a listener. */
function isStale(path: string): Promise<boolean> {
  // Connecting to a file of another kind is refused just the same.
  if (fileAt(path)?.isSocket() !== true) return Promise.resolve(false);
  return new Promise((resolve) => {
    const probe = connect({ path });
    probe.once('connect', () => {
      probe.destroy();
      resolve(false);
    });
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  });
}

/** The number of a user's or group's name; Node has no call for it. */
function lookUpId(file: string, name: string): number {
  if (/^\d+$/.test(name)) return Number(name);
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const [entry, , id] = line.split(':');
    if (entry === name && id !== undefined) return Number(id);
  }
  throw new Error(`no ${name} in ${file}`);
}
