import { existsSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { extname, join, normalize } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Status, TappedItem } from '../../../dashboard/src/api/types.ts';
import { ANSWERS, statuses } from './dashboard-data.ts';

/** The built page. */
export const DASHBOARD = fileURLToPath(new URL('../../../dist/dashboard', import.meta.url));

/** As the control port sends it: nothing inline, nothing from elsewhere. */
export const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** A request that the page made. */
export interface Recorded {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** What a path answers. */
export interface Answer {
  readonly status: number;
  readonly json?: unknown;
}

/** Statuses that a page which has just come is given at once: so its plots have a past. */
const PAST = 320;

/** The control port as the page sees it, with data that are always the same. */
export class DashboardBackend {
  /** `METHOD PATH` to what is answered; what is not here is absent (404). */
  readonly answers = new Map<string, Answer>();
  readonly requests: Recorded[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #streams = new Map<string, Set<ServerResponse>>();
  readonly #waiting: (() => void)[] = [];
  /** What the statuses are made of. Another function is another process. */
  next: () => Status = statuses();
  past = PAST;
  #port = 0;

  constructor() {
    for (const [path, json] of Object.entries(ANSWERS)) this.answers.set(`GET ${path}`, { status: 200, json });
    this.answers.set('GET /events', { status: 200 });
    this.answers.set('GET /channels/news/messages', { status: 200 });
    this.#server = createServer((request, response) => this.#respond(request, response));
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  /** The page. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}/dashboard/`;
  }

  /** Listens, on the same port as before if it did. */
  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Goes away, with all connections. */
  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    this.#streams.clear();
    await closed;
  }

  /** Ends the streams of events, as a process that hands over to another one does. */
  endStreams(): void {
    for (const streams of this.#streams.values()) for (const stream of streams) stream.end();
    this.#streams.clear();
  }

  /** Sends the next status to all pages. */
  tick(): void {
    const data = JSON.stringify(this.next());
    for (const stream of this.#streams.get('/events') ?? []) writeEvent(stream, 'status', data);
  }

  /** Sends an item to all taps of a channel. */
  publish(channel: string, item: Partial<TappedItem>): void {
    const whole = {
      time: '2026-03-17T13:00:12Z',
      id: null,
      prevId: null,
      formats: {},
      bytes: 0,
      receivers: 0,
      ...item,
    };
    const streams = this.#streams.get(`/channels/${encodeURIComponent(channel)}/messages`) ?? [];
    for (const stream of streams) writeEvent(stream, 'item', JSON.stringify(whole));
  }

  /** Tells all taps of a channel that they were too slow for some items. */
  lose(channel: string, count: number): void {
    const streams = this.#streams.get(`/channels/${encodeURIComponent(channel)}/messages`) ?? [];
    for (const stream of streams) writeEvent(stream, 'lost', JSON.stringify({ count }));
  }

  /** Resolves when a page has opened the stream at a path. */
  async streamed(path: string): Promise<void> {
    while ((this.#streams.get(path)?.size ?? 0) === 0) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** The first request of a method for a path, made already or not yet. */
  requested(method: string, path: string): Promise<Recorded> {
    return this.#find((request) => request.method === method && request.path === path);
  }

  /** The first GET of a path whose query fits, made already or not yet. */
  requestedWith(path: string, fits: (query: URLSearchParams) => boolean): Promise<Recorded> {
    return this.#find((request) => request.path === path && fits(request.query));
  }

  async #find(fits: (request: Recorded) => boolean): Promise<Recorded> {
    for (;;) {
      const found = this.requests.find(fits);
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  #respond(request: IncomingMessage, response: ServerResponse): void {
    const { pathname: path, searchParams: query } = new URL(request.url ?? '/', 'http://localhost');
    if (path.startsWith('/dashboard/')) {
      sendFile(response, path.slice('/dashboard/'.length));
      return;
    }
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => {
      const { method = '' } = request;
      this.requests.push({ method, path, query, headers: request.headers, body });
      const answer = this.answers.get(`${method === 'HEAD' ? 'GET' : method} ${path}`) ?? absent(path);
      const isStream = path === '/events' || path.endsWith('/messages');
      if (isStream && answer.status === 200 && method === 'GET') this.#stream(path, response);
      else {
        response.writeHead(answer.status, { 'Content-Type': 'application/json' });
        response.end(answer.json === undefined ? '' : JSON.stringify(answer.json));
      }
      for (const resume of this.#waiting.splice(0)) resume();
    });
  }

  #stream(path: string, response: ServerResponse): void {
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
    response.write(':\n\n');
    const streams = this.#streams.get(path) ?? new Set();
    this.#streams.set(path, streams.add(response));
    response.on('close', () => streams.delete(response));
    if (path !== '/events') return;
    for (let i = 0; i < this.past; i++) writeEvent(response, 'status', JSON.stringify(this.next()));
  }
}

/** A backend that listens until the test is over. */
export async function startDashboardBackend(t: TestContext): Promise<DashboardBackend> {
  const backend = new DashboardBackend();
  await backend.start();
  t.after(() => backend.stop());
  return backend;
}

function absent(path: string): Answer {
  return { status: 404, json: { error: { code: 'HF_CONTROL_PATH', message: `There is nothing at ${path}.` } } };
}

function writeEvent(stream: ServerResponse, event: string, data: string): void {
  stream.write(`event: ${event}\ndata: ${data}\n\n`);
}

function sendFile(response: ServerResponse, name: string): void {
  const file = join(DASHBOARD, normalize(`/${name === '' ? 'index.html' : name}`));
  if (!existsSync(file)) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, {
    'Content-Type': TYPES[extname(file)] ?? 'text/plain; charset=utf-8',
    'Content-Security-Policy': POLICY,
    'X-Content-Type-Options': 'nosniff',
    'Cache-Control': 'no-cache',
  });
  response.end(readFileSync(file));
}
