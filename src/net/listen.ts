import { createServer, type ListenOptions, type Server, type Socket } from 'node:net';
import { systemErrorText } from '../exchange/index.ts';
import type { ListenAddress } from './bind-address.ts';
import { ChallengeAcceptor } from './challenge-acceptor.ts';
import { describeAddress, hostText, listeningSockets } from './listening-sockets.ts';
import { ProxyProtocolAcceptor, type ProxyProtocolSettings } from './proxy-protocol-acceptor.ts';
import { TlsAcceptor, type TlsSettings } from './tls-acceptor.ts';
import { bindUnix } from './unix-listener.ts';

/** How a listener accepts. */
export interface AcceptOptions {
  /** TLS settings. Default: no TLS. */
  readonly tls?: TlsSettings | undefined;
  /** Each connection begins with a PROXY header, before TLS. Default: none does. */
  readonly proxyProtocol?: ProxyProtocolSettings | undefined;
  /** Whether the socket stays with this process when another one replaces it. Default: false. */
  readonly isPrivate?: boolean;
  /** A connection could not be accepted, e.g. because file descriptors ran out. The listener stays open. */
  readonly onError?: (error: Error) => void;
}

/** Connections that the system keeps until they are accepted. */
const BACKLOG = 4_096;

/** A bound listener. */
export interface Listener {
  /** Where it can be reached: `127.0.0.1:7999`, `[::1]:7999` or `unix:/path`. */
  readonly address: string;
  /** The bound TCP port, 0 for a unix socket. */
  readonly port: number;
  /** Stops accepting. Open connections stay, also those whose PROXY header or TLS handshake is not complete yet. */
  stop(): void;
  /** Stops accepting, and cuts the connections whose PROXY header or TLS handshake is not complete. */
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
  { tls, proxyProtocol, isPrivate = false, onError = () => {} }: AcceptOptions = {},
): Promise<Listener> {
  const secure = tls === undefined ? null : new TlsAcceptor(tls, highWaterMark, accept);
  const handshakes = secure === null ? accept : secure.onConnection;
  const proofs = tls?.challenges === undefined ? null : new ChallengeAcceptor(tls.challenges, tls.wheel, handshakes);
  const inner = proofs === null ? handshakes : proofs.onConnection;
  const proxied = proxyProtocol === undefined ? null : new ProxyProtocolAcceptor(proxyProtocol, inner);
  const server = createServer(
    { allowHalfOpen: true, noDelay: true, highWaterMark },
    proxied === null ? inner : proxied.onConnection,
  );
  const taken = listeningSockets.take(address);
  let file = taken?.file ?? null;
  try {
    if (taken !== undefined) await bind(server, { fd: taken.fd });
    else if (address.kind === 'unix') file = await bindUnix(address, (path) => bind(server, { path }));
    else if (address.host === null) await bind(server, { port: address.port });
    else await bind(server, { host: address.host, port: address.port });
  } catch (error) {
    server.close();
    throw new Error(`cannot listen on ${describeAddress(address)}: ${systemErrorText(error)}`);
  }
  server.on('error', onError);
  const stop = listeningSockets.add(address, descriptorOf(server), file, () => server.close(), isPrivate);
  const close = () => {
    stop();
    proxied?.close();
    proofs?.close();
    secure?.close();
  };
  return { ...whereabouts(server, address), stop, close };
}

/** Where a listener can be reached. */
function whereabouts(server: Server, asked: ListenAddress): Pick<Listener, 'address' | 'port'> {
  if (asked.kind === 'unix') return { address: `unix:${asked.path}`, port: 0 };
  const bound = server.address();
  if (bound === null || typeof bound === 'string') return { address: describeAddress(asked), port: asked.port };
  return { address: `${hostText(bound.address)}:${bound.port}`, port: bound.port };
}

/** Node has no call for it; -1 where it cannot be known, which a process that is to be given the socket cannot use. */
function descriptorOf(server: Server): number {
  const { _handle: handle } = server as unknown as { readonly _handle: { readonly fd?: number } | null };
  return handle?.fd ?? -1;
}

function bind(server: Server, options: ListenOptions & { readonly fd?: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ ...options, backlog: BACKLOG }, () => {
      server.removeAllListeners('error');
      resolve();
    });
  });
}
