import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { RawPeer } from './raw-peer.ts';

/** An origin that does with each connection exactly what the test tells it to. */
export class RawOrigin {
  /** All connections so far. */
  readonly peers: RawPeer[] = [];
  /** Called with each new connection. */
  onPeer: (peer: RawPeer) => void = () => {};
  readonly #server: Server;
  #taken = 0;
  #wait: (() => void) | null = null;

  constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket: Socket) => {
      const peer = new RawPeer(socket);
      this.peers.push(peer);
      this.onPeer(peer);
      this.#wait?.();
    });
  }

  /** A route line that leads here. */
  get route(): string {
    return `* 127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The next connection. */
  async accept(): Promise<RawPeer> {
    while (this.peers.length <= this.#taken) {
      await new Promise<void>((resolve) => {
        this.#wait = resolve;
      });
    }
    this.#wait = null;
    return this.peers[this.#taken++] as RawPeer;
  }

  /** Answers every request on every connection with the bytes that `answer` gives for its head. Requests must have no body. */
  respondAll(answer: (head: string, peer: RawPeer) => string): void {
    this.onPeer = async (peer) => {
      try {
        for (;;) {
          const head = await peer.take();
          peer.write(answer(head, peer));
        }
      } catch {
        // The connection has ended.
      }
    };
  }
}

/** Starts an origin on a free port; it ends with the test. */
export async function startRawOrigin(t: TestContext): Promise<RawOrigin> {
  const server = createServer({ noDelay: true, allowHalfOpen: true });
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return new RawOrigin(server);
}
