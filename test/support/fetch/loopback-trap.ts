import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

/**
 * Loopback addresses that a case may lead to. A connection to 0.0.0.0 arrives at the first one, one to `::` at the last, and one to an
 * IPv4-mapped address at that IPv4 address.
 */
const ADDRESSES = ['127.0.0.1', '127.0.1.1', '127.0.255.255', '127.255.255.254', '127.0.0.53', '::1'];

/** What the trap answers, so that a test can see that it would have been reached. */
const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\ncaught';

/**
 * Listens on one port of many loopback addresses, and keeps which of them somebody has connected to: what must not be reached must not
 * even be touched. It answers HTTP.
 */
export class LoopbackTrap {
  readonly port: number;
  readonly #servers: readonly Server[];
  readonly #sockets = new Set<Socket>();
  /** Addresses that were connected to, in order; fences are taken out again. */
  readonly #caught: { readonly address: string; readonly port: number }[] = [];

  private constructor(servers: readonly Server[]) {
    this.#servers = servers;
    this.port = portOf(servers[0] as Server);
    for (const server of servers) server.on('connection', (socket) => this.#take(socket));
  }

  /** Takes a port that is free on all of them; it ends with the test. */
  static async start(t: TestContext): Promise<LoopbackTrap> {
    for (;;) {
      const servers = await listenOnAll();
      if (servers === null) continue;
      const trap = new LoopbackTrap(servers);
      t.after(() => trap.#close());
      return trap;
    }
  }

  /** Which addresses were connected to up to now; the list is empty afterwards. */
  async caught(): Promise<string[]> {
    // Connections are accepted in their order: one of our own behind the others tells that all of those have been.
    for (const server of this.#servers) {
      const { address, port } = server.address() as AddressInfo;
      const fence = connect(port, address);
      await once(fence, 'connect');
      const own = () => this.#caught.findIndex((one) => one.address === address && one.port === fence.localPort);
      while (own() < 0) await once(server, 'connection');
      this.#caught.splice(own(), 1);
      fence.destroy();
    }
    return this.#caught.splice(0).map(({ address }) => address);
  }

  #take(socket: Socket): void {
    this.#sockets.add(socket);
    this.#caught.push({ address: socket.localAddress ?? '', port: socket.remotePort ?? 0 });
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('data', () => socket.write(ANSWER));
  }

  #close(): void {
    for (const server of this.#servers) server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** Null when a port that is free on one address is not on another one. */
async function listenOnAll(): Promise<Server[] | null> {
  const servers: Server[] = [];
  let port = 0;
  for (const address of ADDRESSES) {
    const server = createServer().listen(port, address);
    servers.push(server);
    try {
      await once(server, 'listening');
    } catch (error) {
      for (const other of servers) other.close();
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      return null;
    }
    port = portOf(server);
  }
  return servers;
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}
