import { connect, type Socket } from 'node:net';
import { serveCalls } from '../support/calls.ts';
import { openMany } from '../support/many.ts';
import { percentile } from '../support/statistics.ts';
import { clientFrame, SWITCHING, serverFrame, upgradeRequest } from '../support/websocket.ts';

/** The clients of the `ws` bench that send messages and wait for each to come back. */
export interface EchoLoad {
  /** Opens WebSockets whose messages have so many bytes, and resolves when all are accepted. */
  connect(options: { port: number; clients: number; bytes: number }): Promise<void>;
  /** Lets every client send a message, and the next when the last came back, for so long; then waits for what is on its way. */
  echo(options: { seconds: number }): Promise<Echoes>;
}

/** What the clients saw. */
export interface Echoes {
  readonly messages: number;
  /** Messages that never came back. */
  readonly missing: number;
  /** From the first message to the last echo, or until it was given up. */
  readonly seconds: number;
  /** Of about 100 clients spread over all, in milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

const SAMPLED_CLIENTS = 100;
/** How long nothing may come back before the rest is given up, in milliseconds. */
const STALLED_MS = 5000;

const clients: EchoClient[] = [];
/** Written by all: what the clients send differs in nothing. */
let sent: Buffer = Buffer.alloc(0);
let expected: Buffer = Buffer.alloc(0);
let messages = 0;
let waiting = 0;
let over = true;
let latencies: number[] = [];
let onDone: () => void = () => {};

/** One WebSocket: it sends the next message when the last has come back, byte for byte. */
class EchoClient {
  readonly #socket: Socket;
  readonly #sampled: boolean;
  #matched = 0;
  #sentAt = 0;

  constructor(socket: Socket, sampled: boolean) {
    this.#socket = socket;
    this.#sampled = sampled;
  }

  send(): void {
    if (this.#sampled) this.#sentAt = performance.now();
    this.#socket.write(sent);
    waiting++;
  }

  read(data: Uint8Array, length: number): void {
    const end = this.#matched + length;
    if (end > expected.length || expected.compare(data, 0, length, this.#matched, end) !== 0) {
      throw new Error(`an echo was ${Buffer.from(data).toString('latin1', 0, length)}`);
    }
    this.#matched = end;
    if (end < expected.length) return;
    this.#matched = 0;
    messages++;
    waiting--;
    if (this.#sampled) latencies.push(performance.now() - this.#sentAt);
    if (!over) this.send();
    else if (waiting === 0) onDone();
  }
}

serveCalls<EchoLoad>({
  async connect({ port, clients: count, bytes }) {
    sent = clientFrame('x'.repeat(bytes));
    expected = serverFrame('x'.repeat(bytes));
    const step = Math.ceil(count / SAMPLED_CLIENTS);
    // One buffer for all: each read is taken before the next one happens.
    const buffer = Buffer.allocUnsafe(65_536);
    await openMany(count, (index) => openClient(port, index % step === 0, buffer));
  },

  async echo({ seconds }) {
    messages = 0;
    latencies = [];
    over = false;
    const start = performance.now();
    for (const client of clients) client.send();
    await new Promise<void>((resolve) => {
      onDone = resolve;
      setTimeout(() => {
        over = true;
        let last = -1;
        const watch = setInterval(() => {
          if (messages === last) resolve();
          last = messages;
        }, STALLED_MS);
        watch.unref();
      }, seconds * 1000);
    });
    return {
      messages,
      missing: waiting,
      seconds: (performance.now() - start) / 1000,
      p50: percentile(latencies, 50),
      p99: percentile(latencies, 99),
    };
  },
});

function openClient(port: number, sampled: boolean, buffer: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    let head: string | null = '';
    const socket: Socket = connect({
      port,
      host: '127.0.0.1',
      onread: {
        buffer,
        callback: (length, data) => {
          if (head === null) {
            client.read(data, length);
            return true;
          }
          head += Buffer.from(data).toString('latin1', 0, length);
          // Nothing follows the head before the first message.
          if (!head.endsWith('\r\n\r\n')) return true;
          if (!head.startsWith(SWITCHING)) reject(new Error(`a WebSocket was refused: ${head}`));
          head = null;
          resolve();
          return true;
        },
      },
    });
    const client = new EchoClient(socket, sampled);
    clients.push(client);
    socket.setNoDelay(true);
    socket.once('error', reject);
    socket.once('close', () => {
      if (head === null) throw new Error('a WebSocket was closed by the server');
      reject(new Error('a WebSocket was closed before it began'));
    });
    socket.write(upgradeRequest(port, '/echo'));
  });
}
