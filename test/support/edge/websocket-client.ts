import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { type ClientOptions, WebSocket } from 'ws';
import { connectTo, type RawClient } from '../raw-client.ts';
import { Arrivals } from '../zmq/zmq-rig.ts';
import type { Handler, HandlerSession } from './handler.ts';

/** A WebSocket client on `ws`, with what has come to it. */
export class WebSocketClient {
  readonly socket: WebSocket;
  /** Messages, pings, pongs and the close, in order: `text hello`, `binary 5`, `ping x`, `pong x`, `close 1000 bye`. */
  readonly events = new Arrivals<string>();
  /** The last binary or text message as it came. */
  last: Buffer = Buffer.alloc(0);

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      this.last = data;
      this.events.add(isBinary ? `binary ${data.length}` : `text ${data}`);
    });
    socket.on('ping', (data) => this.events.add(`ping ${data}`));
    socket.on('pong', (data) => this.events.add(`pong ${data}`));
    socket.on('close', (code, reason) => this.events.add(`close ${code} ${reason}`));
    socket.on('error', () => {});
  }

  /** Begins to connect. */
  static open(
    t: TestContext,
    url: string,
    options: ClientOptions & { readonly protocols?: readonly string[] } = {},
  ): WebSocketClient {
    const { protocols = [], ...rest } = options;
    const client = new WebSocketClient(
      new WebSocket(url, [...protocols], { perMessageDeflate: false, autoPong: false, ...rest }),
    );
    t.after(() => client.socket.terminate());
    return client;
  }

  async opened(): Promise<this> {
    if (this.socket.readyState !== WebSocket.OPEN) await once(this.socket, 'open');
    return this;
  }

  next(): Promise<string> {
    return this.events.next();
  }
}

/** A WebSocket, accepted by `handler`, which may be sent `credits` bytes. */
export async function openWebSocket(
  t: TestContext,
  address: string,
  handler: Handler,
  options: ClientOptions = {},
  credits = 8192,
): Promise<{ client: WebSocketClient; session: HandlerSession }> {
  const client = WebSocketClient.open(t, `ws://${address}/chat`, options);
  const session = await handler.request();
  await session.send({ code: 101, credits });
  await client.opened();
  return { client, session };
}

/** The text of an opening handshake. `change` replaces lines by others, or takes them out: `{ Upgrade: null }`. */
export function handshake(change: Readonly<Record<string, string | null>> = {}, line = 'GET /chat HTTP/1.1'): string {
  const fields: Record<string, string | null> = {
    Host: 'a',
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
    ...change,
  };
  const lines = Object.entries(fields).flatMap(([name, value]) => (value === null ? [] : [`${name}: ${value}\r\n`]));
  return `${line}\r\n${lines.join('')}\r\n`;
}

/** A WebSocket whose client sends and reads bytes as they are. */
export async function openRawWebSocket(
  t: TestContext,
  address: string,
  handler: Handler,
  credits = 8192,
): Promise<{ client: RawClient; session: HandlerSession }> {
  const client = await connectTo(t, address);
  client.write(handshake());
  const session = await handler.request();
  await session.send({ code: 101, credits });
  await client.take();
  return { client, session };
}
