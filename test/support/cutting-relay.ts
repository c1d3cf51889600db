import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

/** Stands between clients and a server, and stalls or breaks their connections when the test says so. */
export class CuttingRelay {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #inner = new Set<Socket>();
  /** Connections so far. */
  accepted = 0;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** @param address `127.0.0.1:PORT` of the server */
  static async start(t: TestContext, address: string): Promise<CuttingRelay> {
    const [host = '', port] = address.split(':');
    const server = createServer((client) => {
      relay.accepted++;
      const inner = connect(Number(port), host);
      relay.#inner.add(inner);
      inner.on('close', () => relay.#inner.delete(inner));
      for (const [from, to] of [
        [client, inner],
        [inner, client],
      ] as const) {
        relay.#sockets.add(from);
        from.on('error', () => {});
        from.on('close', () => {
          relay.#sockets.delete(from);
          to.destroy();
        });
        from.pipe(to);
      }
    });
    const relay = new CuttingRelay(server);
    t.after(() => {
      server.close();
      relay.cut();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return relay;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Takes nothing more of the server, for clients that are too slow for it. */
  stall(): void {
    for (const socket of this.#inner) socket.pause();
  }

  /** Takes more of it again. */
  goOn(): void {
    for (const socket of this.#inner) socket.resume();
  }

  /** Breaks all connections. */
  cut(): void {
    for (const socket of [...this.#sockets]) socket.resetAndDestroy();
  }
}
