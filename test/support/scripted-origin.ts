import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { type Origin, originOf } from '../../src/client/index.ts';

/** A small answer after which the connection may go on. */
export const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** An origin that does with each connection exactly what the test tells it to. */
export class ScriptedOrigin {
  readonly #server: Server;
  /** Connections that the test has not asked for yet, or the test's waits for one. */
  readonly #arrived: OriginPeer[] = [];
  readonly #waits: ((peer: OriginPeer) => void)[] = [];
  /** Connections so far. */
  accepted = 0;

  /** @param event of the server, that brings a connection which can be used */
  constructor(server: Server, event = 'connection') {
    this.#server = server;
    server.on(event, (socket: Socket) => {
      this.accepted++;
      const peer = new OriginPeer(socket);
      const wait = this.#waits.shift();
      if (wait === undefined) this.#arrived.push(peer);
      else wait(peer);
    });
  }

  get origin(): Origin {
    const { address, port } = this.#server.address() as AddressInfo;
    return originOf(address, port);
  }

  /** The next connection. */
  accept(): Promise<OriginPeer> {
    const peer = this.#arrived.shift();
    return peer === undefined ? new Promise((resolve) => this.#waits.push(resolve)) : Promise.resolve(peer);
  }
}

/** One connection at the origin's end. */
export class OriginPeer {
  readonly socket: Socket;
  /** What has arrived and was not taken by `received`. */
  text = '';
  /** Sizes of the pieces that arrived. */
  pieces: number[] = [];
  /** Resolves when the connection is closed, by whichever side. */
  readonly closed: Promise<void>;
  #wait: (() => void) | null = null;

  constructor(socket: Socket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => socket.on('close', () => resolve()));
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      this.pieces.push(chunk.length);
      this.text += chunk.toString('latin1');
      this.#wait?.();
    });
  }

  /** Takes what arrives up to and with `marker`, a request head by default. */
  async received(marker = '\r\n\r\n'): Promise<string> {
    for (;;) {
      const index = this.text.indexOf(marker);
      if (index >= 0) {
        const found = this.text.slice(0, index + marker.length);
        this.text = this.text.slice(found.length);
        return found;
      }
      await new Promise<void>((resolve) => {
        this.#wait = resolve;
      });
      this.#wait = null;
    }
  }

  write(text: string): void {
    this.socket.write(text, 'latin1');
  }

  /** Closes in order. */
  end(text = ''): void {
    this.socket.end(text, 'latin1');
  }

  /** Breaks the connection off with a reset. */
  reset(): void {
    this.socket.resetAndDestroy();
  }
}

/** Starts an origin on a free port of `host`; it ends with the test. */
export async function startOrigin(t: TestContext, host = '127.0.0.1'): Promise<ScriptedOrigin> {
  const server = createServer({ noDelay: true });
  await listen(t, server, host);
  return new ScriptedOrigin(server);
}

/** Starts an origin that speaks TLS on a free port; it ends with the test. Connections whose handshake fails are not accepted. */
export async function startTlsOrigin(t: TestContext, options: TlsOptions): Promise<ScriptedOrigin> {
  const server = createTlsServer(options);
  server.on('tlsClientError', () => {});
  await listen(t, server, '127.0.0.1');
  return new ScriptedOrigin(server, 'secureConnection');
}

async function listen(t: TestContext, server: Server, host: string): Promise<void> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, host);
  await once(server, 'listening');
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
}
