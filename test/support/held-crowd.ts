import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { connectTo, type RawClient } from './raw-client.ts';

const HANDSHAKE =
  'GET /socket HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';

/** A held client: what it has got, by the numbers of the items, and whether its connection has ended. */
class HeldMember {
  socket: Socket;
  readonly numbers: number[] = [];
  closed = false;
  #text = '';
  readonly #onHeld: () => void;
  #held = false;
  readonly #crowd: HeldCrowd;
  readonly #polls: boolean;
  readonly #address: { readonly host: string; readonly port: number };
  /** The server has said that it closes the connection after this response. */
  #ends = false;

  constructor(crowd: HeldCrowd, host: string, port: number, request: string, polls: boolean, onHeld: () => void) {
    this.#crowd = crowd;
    this.#polls = polls;
    this.#onHeld = onHeld;
    this.#address = { host, port };
    this.socket = this.#connect();
    if (polls) this.#poll();
    else this.socket.write(request);
  }

  #connect(): Socket {
    const socket = connect(this.#address);
    socket.on('data', (chunk) => this.#onData(chunk.toString('latin1')));
    socket.on('error', () => {});
    socket.on('close', () => {
      if (socket !== this.socket) return;
      this.closed = true;
      this.#crowd.onItems();
    });
    return socket;
  }

  get last(): number {
    return this.numbers.at(-1) ?? 0;
  }

  /** On another connection if the server closes this one. */
  #pollAgain(): void {
    if (this.#ends) {
      this.#ends = false;
      this.socket = this.#connect();
    }
    this.#poll();
  }

  #poll(): void {
    this.socket.write(`GET /poll?last=${this.last} HTTP/1.1\r\nHost: a\r\n\r\n`);
  }

  #onData(text: string): void {
    this.#text += text;
    if (/^Connection: close\r$/m.test(this.#text)) this.#ends = true;
    if (!this.#held && this.#text.includes('\r\n\r\n')) {
      this.#held = true;
      this.#onHeld();
    }
    const before = this.numbers.length;
    const end = this.#text.lastIndexOf('>') + 1;
    for (const [, number] of this.#text.slice(0, end).matchAll(/<(\d+)>/g)) this.numbers.push(Number(number));
    this.#text = this.#text.slice(end);
    if (this.numbers.length === before) return;
    if (this.#polls) this.#pollAgain();
    this.#crowd.onItems();
  }
}

/** An origin that holds streams, requests and WebSockets, and knows what has been published. */
class HoldingOrigin {
  readonly server: Server;
  published = 0;

  constructor() {
    this.server = createServer({ keepAliveTimeout: 0 }, (request, response) => this.#respond(request, response));
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  #respond(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', 'http://a');
    if (url.pathname === '/socket') {
      request.on('end', () => this.#events(response)).resume();
    } else if (url.pathname === '/poll') {
      const last = Number(url.searchParams.get('last'));
      const missed = Array.from({ length: this.published - last }, (_, i) => `<${last + 1 + i}>`);
      if (missed.length > 0) response.end(missed.join(''));
      else {
        response.setHeader('Grip-Hold', 'response');
        response.setHeader('Grip-Channel', `a; prev-id=${last}`);
        response.setHeader('Grip-Timeout', '120');
        response.end();
      }
    } else {
      response.setHeader('Grip-Hold', 'stream');
      response.setHeader('Grip-Channel', 'a');
      response.setHeader('Content-Type', 'text/event-stream');
      response.end('\n');
    }
  }

  #events(response: ServerResponse): void {
    const control = 'c:{"type":"subscribe","channel":"a"}';
    response.setHeader('Content-Type', 'application/websocket-events');
    response.setHeader('Sec-WebSocket-Extensions', 'grip; message-prefix=""');
    response.end(`OPEN\r\nTEXT ${control.length.toString(16)}\r\n${control}\r\n`);
  }
}

/** How many clients of each kind there are. */
export interface CrowdSize {
  readonly streams: number;
  readonly polls: number;
  readonly webSockets: number;
}

/** Many held clients of one channel, and the origin that holds them. */
export class HeldCrowd {
  readonly #origin = new HoldingOrigin();
  readonly #members: HeldMember[] = [];
  #onItems: () => void = () => {};

  /** Starts the origin. */
  static async start(t: TestContext): Promise<HeldCrowd> {
    const crowd = new HeldCrowd();
    const { server } = crowd.#origin;
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => {
      for (const { socket } of crowd.#members) socket.destroy();
      server.close();
      server.closeAllConnections();
    });
    return crowd;
  }

  /** `host:port` of the origin. */
  get target(): string {
    return `127.0.0.1:${this.#origin.port}`;
  }

  get size(): number {
    return this.#members.length;
  }

  /** Connects clients to a server, and waits until the streams and WebSockets are held. */
  async connect(address: string, { streams, polls, webSockets }: CrowdSize): Promise<void> {
    const [host = '', port = ''] = address.split(':');
    const open = (request: string, isPoll: boolean): Promise<void> =>
      new Promise((resolve) => {
        this.#members.push(new HeldMember(this, host, Number(port), request, isPoll, resolve));
      });
    const held: Promise<void>[] = [];
    for (let i = 0; i < Math.max(streams, polls, webSockets); i++) {
      if (i < streams) held.push(open('GET /stream HTTP/1.1\r\nHost: a\r\n\r\n', false));
      if (i < webSockets) held.push(open(HANDSHAKE, false));
      if (i < polls) void open('', true);
      if (i % 50 === 49) await Promise.all(held.splice(0));
    }
    await Promise.all(held);
  }

  /**
   * A WebSocket that has begun a message, and does not end it. So it cannot move to another process, which is tried for a second: what a test does meanwhile comes while clients move, however slow the machine is. It does
   * not belong to the crowd.
   */
  async connectBusy(t: TestContext, address: string): Promise<RawClient> {
    const client = await connectTo(t, address);
    client.write(HANDSHAKE);
    await client.take();
    // The head of a masked text message of five bytes, and the first of these.
    return client.write(Buffer.of(0x81, 0x85, 0, 0, 0, 0, 0x61));
  }

  /** The next item, as GRIP's JSON has it. */
  next(): object {
    const number = ++this.#origin.published;
    const content = `<${number}>`;
    return {
      channel: 'a',
      id: String(number),
      'prev-id': String(number - 1),
      formats: {
        'http-stream': { content },
        'http-response': { body: content },
        'ws-message': { content },
      },
    };
  }

  get published(): number {
    return this.#origin.published;
  }

  /** A client has got items, or its connection has ended. */
  onItems(): void {
    this.#onItems();
  }

  /** Resolves when all clients have got the last item that was published. */
  async caughtUp(): Promise<void> {
    const last = this.published;
    while (this.#members.some((member) => member.last < last && !member.closed)) {
      await new Promise<void>((resolve) => {
        this.#onItems = resolve;
      });
    }
  }

  /** Items that clients which are still connected have not got. */
  get lostByOpen(): number {
    let lost = 0;
    for (const { numbers, closed, last } of this.#members) {
      if (!closed && numbers.length > 0)
        lost += this.published - last + (last - (numbers[0] as number) + 1 - numbers.length);
    }
    return lost;
  }

  /** What is wrong with what the clients have got: items that are missing, that came twice or too early, and connections that have ended. */
  get faults(): { readonly lost: number; readonly again: number; readonly closed: number } {
    let [lost, again, closed] = [0, 0, 0];
    for (const member of this.#members) {
      if (member.closed) closed++;
      for (let i = 0; i < member.numbers.length; i++) {
        const before = i === 0 ? (member.numbers[0] as number) - 1 : (member.numbers[i - 1] as number);
        const step = (member.numbers[i] as number) - before;
        if (step > 1) lost += step - 1;
        else if (step < 1) again++;
      }
      if (member.last < this.published) lost += this.published - member.last;
    }
    return { lost, again, closed };
  }
}
