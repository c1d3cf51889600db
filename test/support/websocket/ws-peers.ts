import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import WebSocket, { type ServerOptions, WebSocketServer } from 'ws';

/** A WebSocket of the package `ws`, with what came on it. */
export class WsPeer {
  readonly socket: WebSocket;
  /** Lines: `text hello`, `binary …` in hex, `ping x`, `pong x`, `close 1000 bye`. */
  readonly events: string[] = [];
  #wake: () => void = () => {};

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data: Buffer, binary) => {
      this.#add(binary ? `binary ${data.toString('hex')}` : `text ${data}`);
    });
    socket.on('ping', (data) => this.#add(`ping ${data}`));
    socket.on('pong', (data) => this.#add(`pong ${data}`));
    socket.on('close', (code, reason) => this.#add(`close ${code} ${reason}`.trimEnd()));
    socket.on('error', (error) => this.#add(`error ${error.message}`));
    socket.on('unexpected-response', () => {});
  }

  send(data: string | Buffer): void {
    this.socket.send(data);
  }

  /** The next event. */
  async next(): Promise<string> {
    while (this.events.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.events.shift() as string;
  }

  #add(event: string): void {
    this.events.push(event);
    this.#wake();
  }
}

/** An origin that speaks WebSocket. */
export interface WsOrigin {
  readonly address: string;
  /** The next WebSocket that is opened at it, and the request for it. */
  accept(): Promise<{ peer: WsPeer; request: IncomingMessage }>;
}

/**
 * Starts an origin with the package `ws`; it ends with the test.
 * @param headers to add to each 101
 */
export async function startWsOrigin(
  t: TestContext,
  options: ServerOptions = {},
  headers: readonly string[] = [],
): Promise<WsOrigin> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, autoPong: false, ...options });
  const accepted: { peer: WsPeer; request: IncomingMessage }[] = [];
  let wake = (): void => {};
  server.on('headers', (lines) => lines.push(...headers));
  server.on('connection', (socket, request) => {
    accepted.push({ peer: new WsPeer(socket), request });
    wake();
  });
  t.after(() => {
    for (const socket of server.clients) socket.terminate();
    server.close();
  });
  await once(server, 'listening');
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    accept: async () => {
      while (accepted.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return accepted.shift() as { peer: WsPeer; request: IncomingMessage };
    },
  };
}

/** Opens a WebSocket with the package `ws`; it ends with the test. */
export async function openWs(
  t: TestContext,
  url: string,
  protocols: string[] = [],
  headers: Record<string, string> = {},
): Promise<WsPeer> {
  const socket = new WebSocket(url, protocols, { headers, autoPong: false, perMessageDeflate: false });
  t.after(() => socket.terminate());
  const peer = new WsPeer(socket);
  await once(socket, 'open');
  return peer;
}

/** The response to a WebSocket that is refused. */
export async function refusedWs(
  t: TestContext,
  url: string,
  headers: Record<string, string> = {},
): Promise<{ response: IncomingMessage; body: string }> {
  const socket = new WebSocket(url, { headers });
  t.after(() => socket.terminate());
  socket.on('error', () => {});
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
  let body = '';
  for await (const chunk of response) body += chunk;
  return { response, body };
}
