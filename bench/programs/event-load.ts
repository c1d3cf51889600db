import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { serveCalls } from '../support/calls.ts';
import { openMany } from '../support/many.ts';
import type { Seen } from '../support/seen.ts';

/** An origin that streams events, and the clients that read them through the server under measurement, in one process. */
export interface EventLoad {
  /** Listens on a free port of the loopback address, which it returns. */
  listen(bytes: number): Promise<number>;
  /** Opens streams through the server, and resolves when the origin has the request of each. */
  connect(options: { readonly port: number; readonly streams: number }): Promise<void>;
  /** Sends so many events on each stream, and waits until all have come, or none has come for 5 s. */
  send(options: { readonly events: number; readonly inFlight: number }): Promise<EventDelivery>;
}

/** What the clients saw. */
export interface EventDelivery extends Omit<Seen, 'p50' | 'p99'> {
  readonly delivered: number;
}

/** Nothing else on the wire has it. */
const MARK = 0x7e;
const STALLED_MS = 5_000;

/** One stream: the response of the origin, and what has come of it. */
interface Stream {
  readonly response: ServerResponse;
  sent: number;
  received: number;
}

let event = Buffer.alloc(0);
let closed = 0;
let receivedBytes = 0;
/** By the number in the path. */
const streams: Stream[] = [];
let onRequest: () => void = () => {};
let onEvents: (stream: Stream) => void = () => {};

serveCalls<EventLoad>({
  async listen(bytes) {
    event = Buffer.from(`data: ~${'x'.repeat(bytes - 'data: ~\n\n'.length)}\n\n`);
    const server = createServer((request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      response.flushHeaders();
      streams[Number(request.url?.slice(1))] = { response, sent: 0, received: 0 };
      onRequest();
    });
    await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1' }, resolve));
    return (server.address() as AddressInfo).port;
  },

  async connect({ port, streams: count }) {
    const all = new Promise<void>((resolve) => {
      onRequest = () => streams.filter(Boolean).length === count && resolve();
    });
    const buffer = Buffer.allocUnsafe(65_536);
    await openMany(count, (index) => openStream(port, index, buffer));
    await all;
  },

  send({ events, inFlight }) {
    return new Promise((resolve) => {
      const start = performance.now();
      const goals = streams.map(({ received }) => received + events);
      const ends = streams.map(({ sent }) => sent + events);
      const before = streams.reduce((sum, { received }) => sum + received, 0);
      const bytesBefore = receivedBytes;
      let left = streams.length;
      let last = -1;
      const total = () => streams.reduce((sum, { received }) => sum + received, 0) - before;
      const finish = () => {
        clearInterval(watch);
        onEvents = () => {};
        resolve({
          delivered: total(),
          incomplete: streams.filter(({ received }, i) => received !== goals[i]).length,
          closed,
          seconds: (performance.now() - start) / 1000,
          bytes: receivedBytes - bytesBefore,
        });
      };
      const watch = setInterval(() => {
        const now = total();
        if (now === last) finish();
        last = now;
      }, STALLED_MS);
      const fill = (stream: Stream) => {
        const end = ends[streams.indexOf(stream)] as number;
        // Each event is a write of its own, as an application makes it.
        while (stream.sent < end && stream.sent - stream.received < inFlight) {
          stream.sent++;
          stream.response.write(event);
        }
        if (stream.received === end && --left === 0) finish();
      };
      onEvents = fill;
      for (const stream of streams) fill(stream);
    });
  },
});

function openStream(port: number, index: number, buffer: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    let head = '';
    let inBody = false;
    const socket = connect({
      port,
      host: '127.0.0.1',
      onread: {
        buffer,
        callback: (length, data) => {
          let start = 0;
          if (!inBody) {
            const before = head.length;
            head += Buffer.from(data.buffer, data.byteOffset, length).toString('latin1');
            const end = head.indexOf('\r\n\r\n');
            if (end < 0) return true;
            inBody = true;
            start = end + 4 - before;
            if (head.startsWith('HTTP/1.1 200 ')) resolve();
            else reject(new Error(`a stream was refused: ${head}`));
          }
          receivedBytes += length - start;
          const stream = streams[index];
          if (stream === undefined) return true;
          let events = 0;
          for (let at = data.indexOf(MARK, start); at >= 0 && at < length; at = data.indexOf(MARK, at + 1)) events++;
          stream.received += events;
          if (events > 0) onEvents(stream);
          return true;
        },
      },
    });
    socket.once('error', reject);
    socket.once('close', () => {
      closed++;
      reject(new Error('a stream was closed before it began'));
    });
    socket.write(`GET /${index} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAccept: text/event-stream\r\n\r\n`);
  });
}
