import { Agent } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { serveCalls } from '../support/calls.ts';
import { postItems } from '../support/publishing.ts';
import type { Seen } from '../support/seen.ts';
import { percentile } from '../support/statistics.ts';

/** EventSource clients that come back to one channel all at once, and its publisher. */
export interface ResumeLoad {
  /** Publishes so many items, one a request. */
  publish(options: PublishOptions): Promise<void>;
  /** Opens a stream that has no cursor, publishes an item, and keeps the cursor that comes with it for those who come back. */
  begin(options: { readonly port: number; readonly publish: PublishOptions }): Promise<void>;
  /**
   * Lets clients come back, and waits until each has the items that it has missed, or nothing has come for 5 s. Then all leave.
   * @returns `seconds` from the first connection until the last client has caught up; p50 and p99 from just before a client connects until it has its last item
   */
  comeBack(options: ComeBackOptions): Promise<Seen>;
}

export interface PublishOptions {
  readonly port: number;
  readonly path: string;
  /** What stands before and after each item. */
  readonly before: string;
  readonly after: string;
  readonly items: number;
}

export interface ComeBackOptions {
  readonly port: number;
  readonly clients: number;
  /** What each has missed. */
  readonly items: number;
}

const PATH = '/stream';
const ITEM_BYTES = 100;
/** An item begins with it. Nothing else on the wire has it. */
const MARK = 0x7e;
/** Connections that are begun in one turn: more of them at a time would overflow the backlog of a server that has no turn meanwhile. */
const BURST = 100;
const STALLED_MS = 5_000;

const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const buffer = Buffer.allocUnsafe(65_536);
/** Where those who come back have been. */
let cursor = '';

serveCalls<ResumeLoad>({
  async publish(options) {
    for (let item = 0; item < options.items; item++) await post(options);
  },

  async begin({ port, publish }) {
    await new Promise<void>((resolve, reject) => {
      let text = '';
      const socket = connect(port, '127.0.0.1');
      socket.setEncoding('latin1');
      socket.once('error', reject);
      socket.on('data', (data) => {
        const opened = text.includes('\r\n\r\n');
        text += data;
        if (!opened && text.includes('\r\n\r\n')) post(publish).catch(reject);
        // The `id` may come behind the item.
        if (!/~[\s\S]*\n\n/.test(text)) return;
        cursor = lastIdOf(text);
        socket.destroy();
        resolve();
      });
      socket.write(head(port, ''));
    });
  },

  async comeBack({ port, clients, items }) {
    const all: Client[] = [];
    const start = performance.now();
    let left = clients;
    let received = 0;
    let finish = () => {};
    const done = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const watch = setInterval(() => {
      const now = all.reduce((sum, client) => sum + client.received, 0);
      if (now === received) finish();
      received = now;
    }, STALLED_MS);
    const onCaughtUp = () => --left === 0 && finish();
    const request = Buffer.from(head(port, `Last-Event-ID: ${cursor}\r\n`));
    for (let index = 0; index < clients; index++) {
      // The first one keeps what it gets, for the cursor of the next time.
      all.push(new Client(port, request, items, index === 0, onCaughtUp));
      if (index % BURST === 0) await nextTurn();
    }
    await done;
    clearInterval(watch);
    const seconds = (performance.now() - start) / 1000;
    const result = {
      incomplete: all.filter((client) => client.received !== items).length,
      closed: all.filter((client) => client.closed).length,
      seconds,
      bytes: all.reduce((sum, client) => sum + client.bytes, 0),
      p50: percentile(
        all.map(({ took }) => took),
        50,
      ),
      p99: percentile(
        all.map(({ took }) => took),
        99,
      ),
    };
    cursor = lastIdOf(all[0]?.text ?? '');
    for (const client of all) client.leave();
    return result;
  },
});

/** One client that comes back. */
class Client {
  received = 0;
  bytes = 0;
  closed = false;
  /** What it got, if that is kept. */
  text = '';
  /** Milliseconds until it had its last item; infinite before. */
  took = Number.POSITIVE_INFINITY;
  readonly #socket: Socket;

  constructor(port: number, request: Buffer, items: number, keeps: boolean, onCaughtUp: () => void) {
    const start = performance.now();
    this.#socket = connect({
      port,
      host: '127.0.0.1',
      onread: {
        buffer,
        callback: (length, data) => {
          this.bytes += length;
          if (keeps) this.text += Buffer.from(data.buffer, data.byteOffset, length).toString('latin1');
          for (let at = data.indexOf(MARK); at >= 0 && at < length; at = data.indexOf(MARK, at + 1)) {
            if (++this.received !== items) continue;
            this.took = performance.now() - start;
            onCaughtUp();
          }
          return true;
        },
      },
    });
    // Its failure shows by the items that it has not got.
    this.#socket.once('error', () => {});
    this.#socket.once('close', () => {
      this.closed = true;
    });
    this.#socket.write(request);
  }

  leave(): void {
    this.#socket.destroy();
  }
}

function head(port: number, fields: string): string {
  return `GET ${PATH} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAccept: text/event-stream\r\n${fields}\r\n`;
}

function lastIdOf(text: string): string {
  const ids = [...text.matchAll(/^id: ?(.+)$/gm)];
  const last = ids.at(-1)?.[1];
  if (last === undefined) throw new Error(`there is no id in what a client got: ${text}`);
  return last.trim();
}

function post({ port, path, before, after }: PublishOptions): Promise<void> {
  return postItems(agent, port, path, `${before}~${'x'.repeat(ITEM_BYTES - 1)}${after}`);
}
