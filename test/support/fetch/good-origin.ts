import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { WebSocketServer } from 'ws';
import { LOOPBACK_CERTIFICATE, LOOPBACK_KEY } from '../loopback-certificate.ts';

/** The loopback address of the one origin that a policy allows, which stands in for the public internet: nothing leaves this machine. */
export const GOOD_ADDRESS = '127.0.0.77';

/** The first byte of a TLS connection: the type of a record with a handshake (RFC 8446 §5.1). */
const HANDSHAKE = 0x16;

/**
 * An origin that may be reached, at `GOOD_ADDRESS`. It speaks HTTP and WebSocket on one port, with TLS and without, and answers 200 `good`
 * or opens the WebSocket, unless it was told to redirect.
 */
export class GoodOrigin {
  readonly port: number;
  readonly #hosts: string[] = [];
  /** Where it redirects to from a path: each of them once, so that what leads there again finds its end. */
  readonly #locations = new Map<string, string>();

  readonly #listener = createServer();
  readonly #sockets = new Set<Socket>();

  private constructor(port: number) {
    this.port = port;
  }

  static async start(t: TestContext, port: number): Promise<GoodOrigin> {
    const origin = new GoodOrigin(port);
    const http = createHttpServer();
    const https = createHttpsServer({ key: LOOPBACK_KEY, cert: LOOPBACK_CERTIFICATE });
    const webSockets = new WebSocketServer({ noServer: true });
    for (const server of [http, https]) {
      server.on('request', (request, response) => origin.#respond(request, response));
      server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
        socket.on('error', () => {});
        const location = origin.#record(request);
        if (location === null) webSockets.handleUpgrade(request, socket, head, () => {});
        else socket.end(`HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: ${location}\r\n\r\n`, 'latin1');
      });
    }
    origin.#listener.on('connection', (socket: Socket) => {
      origin.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => origin.#sockets.delete(socket));
      socket.once('data', (first: Buffer) => {
        socket.pause();
        socket.unshift(first);
        (first[0] === HANDSHAKE ? https : http).emit('connection', socket);
        process.nextTick(() => socket.resume());
      });
    });
    t.after(() => origin.close());
    origin.#listener.listen(port, GOOD_ADDRESS);
    await once(origin.#listener, 'listening');
    return origin;
  }

  /** Goes away: whoever connects from now on is refused. */
  close(): void {
    this.#listener.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Host fields of the requests since this was asked last, each once. */
  takeHosts(): string[] {
    return [...new Set(this.#hosts.splice(0))];
  }

  /** The path at which the next request is answered 302, with this Location in UTF-8. */
  redirectTo(location: string): string {
    const path = `/start${this.#locations.size}`;
    this.#locations.set(path, Buffer.from(location).toString('latin1'));
    return path;
  }

  /** Notes a request, and says where it is to be redirected to; null for nowhere. */
  #record({ url = '', headers }: IncomingMessage): string | null {
    this.#hosts.push(headers.host ?? '');
    const location = this.#locations.get(url) ?? '';
    if (location === '') return null;
    this.#locations.set(url, '');
    return location;
  }

  #respond(request: IncomingMessage, response: ServerResponse): void {
    const location = this.#record(request);
    if (location === null) response.end('good');
    else response.writeHead(302, { Location: location, 'Content-Length': 0 }).end();
    request.resume();
  }
}
