import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

/** Stands between clients and a server, and stalls or breaks their connections when the test says so. */
export class CuttingRelay {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Each socket, and where its bytes go. */
  readonly #pipes = new Map<Socket, Socket>();
  #stalled = false;
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
      for (const [from, to] of [
        [client, inner],
        [inner, client],
      ] as const) {
        relay.#sockets.add(from);
        relay.#pipes.set(from, to);
        from.on('error', () => {});
        from.on('close', () => {
          relay.#sockets.delete(from);
          relay.#pipes.delete(from);
          to.destroy();
        });
        if (!relay.#stalled) from.pipe(to);
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

  /** `127.0.0.1:PORT`. */
  get address(): string {
    return this.url.slice('http://'.length);
  }

  /** No byte passes any more, also on new connections. */
  stall(): void {
    this.#stalled = true;
    for (const [from, to] of this.#pipes) {
      from.unpipe(to);
      from.pause();
    }
  }

  /** Bytes pass again. */
  goOn(): void {
    this.#stalled = false;
    for (const [from, to] of this.#pipes) from.pipe(to);
  }

  /** Breaks all connections. */
  cut(): void {
    for (const socket of [...this.#sockets]) socket.resetAndDestroy();
  }
}
