import { Agent } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { serveCalls } from '../support/calls.ts';
import { openMany } from '../support/many.ts';
import { postItems } from '../support/publishing.ts';
import type { Seen } from '../support/seen.ts';
import { percentile } from '../support/statistics.ts';
import { clientFrame, SWITCHING, upgradeRequest } from '../support/websocket.ts';
import { openPush } from '../support/zmtp-push.ts';

/**
 * Clients that receive what is published, and the publisher, in one process so that one clock stamps and reads the items: held streams
 * or WebSockets on one side, POSTs, messages of a WebSocket or of a PUSH socket on the other.
 */
export interface StreamLoad {
  /** Opens the streams or WebSockets and resolves when every client has the head of its response. */
  connect(options: ConnectOptions): Promise<void>;
  /** Publishes and waits until everything arrived, or nothing has arrived for 5 s. */
  publish(options: PublishOptions): Promise<Delivery>;
}

export interface ConnectOptions {
  /** The clients take turns at these. */
  readonly ports: readonly number[];
  readonly clients: number;
  /** What the items come by. */
  readonly transport: 'stream' | 'websocket';
  /** What the clients ask for; `{channel}` in it is the number of the client, for those that have a channel each. */
  readonly path: string;
  /** Clients that read the times in the items, spread over all. Default: 100. */
  readonly sampled?: number;
}

export interface PublishOptions {
  readonly port: number;
  /** POSTs, each sent when the last has its response, messages of one WebSocket, or of one PUSH socket. */
  readonly transport: 'http' | 'websocket' | 'push';
  /** `{channel}` in it is the number of the client that the item is for. */
  readonly path: string;
  /** What a publish request or message has before its items, between two of them, and after them. */
  readonly first: string;
  readonly between: string;
  readonly last: string;
  /** What stands before and after each item; `{channel}` as in `path`. */
  readonly before: string;
  readonly after: string;
  /** Items of one request or message. */
  readonly batch: number;
  /** Clients that get an item: all of them, or one after the other. */
  readonly receivers: 'all' | 'one';
  /** A multiple of `batch`. */
  readonly items: number;
  /** Items a second; 0 for back to back, as soon as the last is published and fewer than `inFlight` items are on their way. */
  readonly rate: number;
  readonly inFlight: number;
}

/**
 * What the clients saw: `seconds` from the first publish to the last delivery, or until it was given up; p50, p99 and `longest` from just before the publish request to
 * the moment the client reads it, of the sampled clients.
 */
export interface Delivery extends Seen {
  readonly delivered: number;
  readonly longest: number;
}

/** An item: this mark, which nothing else on the wire holds, then the time in µs in 16 digits, then filling. */
const MARK = 0x7e;
const STAMP_DIGITS = 16;
const ITEM_BYTES = 100;
const SAMPLED_CLIENTS = 100;
const STALLED_MS = 5000;

const streams: Stream[] = [];
let received = 0;
let receivedBytes = 0;
let closed = 0;
let latencies: number[] = [];
/** Deliveries that `arrived` waits for. */
let awaited = Number.POSITIVE_INFINITY;
let resolveAwaited: (all: boolean) => void = () => {};

/** Reads one client's stream: counts items, and where sampled reads their stamps. */
class Stream {
  items = 0;
  readonly #sampled: boolean;
  readonly #accepted: string;
  readonly #onHead: (refused?: Error) => void;
  /** Text of the head until it is complete. */
  #head: string | null = '';
  #digits = 0;
  #stamp = 0;

  /** @param accepted how the head begins of a response that is no refusal. */
  constructor(sampled: boolean, accepted: string, onHead: (refused?: Error) => void) {
    this.#sampled = sampled;
    this.#accepted = accepted;
    this.#onHead = onHead;
  }

  read(data: Uint8Array, length: number): void {
    let start = 0;
    if (this.#head !== null) {
      const before = this.#head.length;
      this.#head += Buffer.from(data.buffer, data.byteOffset, length).toString('latin1');
      const end = this.#head.indexOf('\r\n\r\n');
      if (end < 0) return;
      start = end + 4 - before;
      this.#onHead(
        this.#head.startsWith(this.#accepted) ? undefined : new Error(`a stream was refused: ${this.#head}`),
      );
      this.#head = null;
    }
    receivedBytes += length - start;
    const items = this.#sampled ? this.#sample(data, start, length) : count(data, start, length);
    this.items += items;
    received += items;
    if (received >= awaited) resolveAwaited(true);
  }

  #sample(data: Uint8Array, start: number, end: number): number {
    let items = 0;
    for (let i = start; i < end; i++) {
      const byte = data[i] as number;
      if (this.#digits > 0) {
        this.#stamp = this.#stamp * 10 + byte - 0x30;
        if (--this.#digits === 0) latencies.push((now() - this.#stamp) / 1000);
      } else if (byte === MARK) {
        items++;
        this.#digits = STAMP_DIGITS;
        this.#stamp = 0;
      }
    }
    return items;
  }
}

function count(data: Uint8Array, start: number, end: number): number {
  let items = 0;
  for (let i = start; i < end; i++) if (data[i] === MARK) items++;
  return items;
}

serveCalls<StreamLoad>({
  async connect({ ports, clients, sampled = SAMPLED_CLIENTS, ...options }) {
    const step = Math.ceil(clients / sampled);
    // One buffer for all: each read is taken before the next one happens.
    const buffer = Buffer.allocUnsafe(65_536);
    await openMany(clients, (index) => {
      const port = ports[index % ports.length] as number;
      return openStream({ port, ...options }, index, index % step === 0, buffer);
    });
  },

  async publish(options) {
    const { items, rate, batch, inFlight } = options;
    const receivers = options.receivers === 'all' ? streams.length : 1;
    const publisher = await openPublisher(options);
    const before = streams.map((stream) => stream.items);
    const receivedBefore = received;
    const bytesBefore = receivedBytes;
    latencies = [];
    const start = performance.now();
    for (let item = 0; item < items; item += batch) {
      if (rate > 0) {
        const wait = start + (item / rate) * 1000 - performance.now();
        if (wait > 0) await delay(wait);
      } else if (!(await arrived(receivedBefore + (item + batch - inFlight) * receivers))) {
        break;
      }
      await publisher.publish(messageOf(options, item), options.path.replace('{channel}', String(channelOf(item))));
    }
    await arrived(receivedBefore + items * receivers);
    const seconds = (performance.now() - start) / 1000;
    publisher.close();
    return {
      delivered: received - receivedBefore,
      incomplete: streams.filter((stream, i) => stream.items - (before[i] ?? 0) !== itemsFor(i, options)).length,
      closed,
      seconds,
      bytes: receivedBytes - bytesBefore,
      p50: percentile(latencies, 50),
      p99: percentile(latencies, 99),
      longest: percentile(latencies, 100),
    };
  },
});

function openStream(
  { port, transport, path }: Pick<ConnectOptions, 'transport' | 'path'> & { readonly port: number },
  index: number,
  sampled: boolean,
  buffer: Buffer,
): Promise<void> {
  const target = path.replace('{channel}', String(index));
  return new Promise((resolve, reject) => {
    const accepted = transport === 'websocket' ? SWITCHING : 'HTTP/1.1 200 ';
    const stream = new Stream(sampled, accepted, (refused) => (refused === undefined ? resolve() : reject(refused)));
    streams[index] = stream;
    const socket: Socket = connect({
      port,
      host: '127.0.0.1',
      onread: {
        buffer,
        callback: (length, data) => {
          stream.read(data, length);
          return true;
        },
      },
    });
    socket.once('error', reject);
    socket.once('close', () => {
      closed++;
      reject(new Error('a stream was closed before it began'));
    });
    socket.write(
      transport === 'websocket'
        ? upgradeRequest(port, target)
        : `GET ${target} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAccept: text/event-stream\r\n\r\n`,
    );
  });
}

/** Waits until so many items have been delivered in all; false if nothing comes any more. */
function arrived(deliveries: number): Promise<boolean> {
  if (received >= deliveries) return Promise.resolve(true);
  return new Promise((resolve) => {
    let last = received;
    const watch = setInterval(() => {
      if (received === last) resolveAwaited(false);
      last = received;
    }, STALLED_MS);
    awaited = deliveries;
    resolveAwaited = (all) => {
      awaited = Number.POSITIVE_INFINITY;
      clearInterval(watch);
      resolve(all);
    };
  });
}

/** The client that an item is for, where each is for one of them. */
function channelOf(item: number): number {
  return item % streams.length;
}

/** How many items the client gets. */
function itemsFor(client: number, { items, receivers }: PublishOptions): number {
  return receivers === 'all' ? items : Math.ceil((items - client) / streams.length);
}

/** A request or message with the next items. */
function messageOf({ first, between, last, before, after, batch }: PublishOptions, from: number): string {
  let message = first;
  for (let item = from; item < from + batch; item++) {
    const stamp = `~${String(now()).padStart(STAMP_DIGITS, '0')}`;
    if (item > from) message += between;
    message += before.replace('{channel}', String(channelOf(item))) + stamp.padEnd(ITEM_BYTES, 'x') + after;
  }
  return message + last;
}

interface Publisher {
  /** Resolves when the next item may be published. */
  publish(body: string, path: string): Promise<void>;
  close(): void;
}

async function openPublisher(options: PublishOptions): Promise<Publisher> {
  if (options.transport === 'websocket') return openWebSocketPublisher(options);
  if (options.transport === 'push') return openPush(options.port);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return { publish: (body, path) => postItems(agent, options.port, path, body), close: () => agent.destroy() };
}

function openWebSocketPublisher({ port, path }: PublishOptions): Promise<Publisher> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the WebSocket of the publisher was closed')));
    // Nothing but the head comes: the handler says nothing to a publisher.
    socket.once('data', (head) => {
      if (!head.toString('latin1').startsWith(SWITCHING)) reject(new Error(`publishing was refused: ${head}`));
      resolve({
        publish: (body) =>
          new Promise((written, failed) => {
            socket.write(clientFrame(body), (error) => (error ? failed(error) : written()));
          }),
        close: () => socket.destroy(),
      });
    });
    socket.write(upgradeRequest(port, path));
  });
}

/** Microseconds of a monotonic clock. */
function now(): number {
  return Math.round(performance.now() * 1000);
}
