import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TestContext } from 'node:test';
import { App } from '../../src/app/index.ts';
import { loadConfig } from '../../src/config/index.ts';
import type { ClientOptions, StreamedResponse } from './client.ts';
import { FakeLog } from './fake-log.ts';
import { startOrigin } from './origin.ts';
import { eventually, RunningApp } from './running-app.ts';

/** A request that the origin has, and the stream that is its response. */
export class OriginStream {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Whether the proxy has cut the connection. */
  cut = false;

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.request = request;
    this.response = response;
    response.on('close', () => {
      this.cut = !response.writableFinished;
    });
    request.resume();
  }

  /** Begins the stream. */
  begin(headers: Readonly<Record<string, string | string[]>> = {}): this {
    this.response.writeHead(200, { 'Content-Type': 'text/event-stream', ...headers });
    this.response.flushHeaders();
    return this;
  }

  /** Sends events with this data. */
  send(...data: readonly string[]): void {
    this.response.write(data.map((each) => `data: ${each}\n\n`).join(''));
  }

  end(): void {
    this.response.end();
  }
}

/** An origin that does with each request what the test says. */
export class StreamingOrigin {
  /** All requests so far. */
  readonly asked: OriginStream[] = [];
  #address = '';
  readonly #waits = new Map<number, (stream: OriginStream) => void>();
  #taken = 0;

  static async start(t: TestContext): Promise<StreamingOrigin> {
    const origin = new StreamingOrigin();
    origin.#address = await startOrigin(t, (request, response) =>
      origin.#onRequest(new OriginStream(request, response)),
    );
    return origin;
  }

  /** Where it listens. */
  get address(): string {
    return this.#address;
  }

  /** The next request. */
  next(): Promise<OriginStream> {
    const index = this.#taken++;
    const found = this.asked[index];
    if (found !== undefined) return Promise.resolve(found);
    return new Promise((resolve) => this.#waits.set(index, resolve));
  }

  #onRequest(stream: OriginStream): void {
    this.asked.push(stream);
    this.#waits.get(this.asked.length - 1)?.(stream);
  }
}

/** A server in this process with one route whose streams can be resumed, and its origin, which does what the test says. */
export class ResumableRig {
  readonly app: RunningApp;
  readonly origin: StreamingOrigin;

  constructor(app: RunningApp, origin: StreamingOrigin) {
    this.app = app;
    this.origin = origin;
  }

  /** All requests of the origin so far. */
  get asked(): readonly OriginStream[] {
    return this.origin.asked;
  }

  /** The next request of the origin. */
  next(): Promise<OriginStream> {
    return this.origin.next();
  }

  /** A request whose response is a stream that has begun. */
  async begin(
    options: ClientOptions = {},
    headers: Readonly<Record<string, string | string[]>> = {},
  ): Promise<{ client: StreamedResponse; origin: OriginStream }> {
    const [client, origin] = await Promise.all([
      this.app.stream(options),
      this.next().then((stream) => stream.begin(headers)),
    ]);
    return { client, origin };
  }

  /** As a client that comes back with this event id. */
  back(id: string, options: ClientOptions = {}): Promise<StreamedResponse> {
    return this.app.stream({ ...options, headers: { ...options.headers, 'Last-Event-ID': id } });
  }

  /** Leaves, and waits until the server knows. */
  async leave(client: StreamedResponse): Promise<void> {
    const before = this.app.counters.requestsAborted;
    // A mere FIN would not say that it has gone.
    client.request.socket?.resetAndDestroy();
    await eventually(() => this.app.counters.requestsAborted > before);
  }
}

/** What a rig has in common with others. */
export interface ResumableOptions {
  /** Default: one of its own. */
  readonly origin?: StreamingOrigin;
  /** Port for clients. Default: any. Servers with the same setting take each other's streams for those of processes of one server. */
  readonly port?: number;
  /** The test stops it. Default: it stops with the test. */
  readonly stopped?: boolean;
}

/** Starts it. @param tables what the route has, as TOML */
export async function startResumable(
  t: TestContext,
  tables = '[route.resume]\n',
  sections = '',
  { origin: shared, port = 0, stopped = false }: ResumableOptions = {},
): Promise<ResumableRig> {
  const origin = shared ?? (await StreamingOrigin.start(t));
  const text = `[server]\nlisten = ["127.0.0.1:${port}"]\n[control]\nlisten = ["127.0.0.1:0"]\n${sections}\n[[route]]\nhost = "*"\ntargets = ["${origin.address}"]\n${tables}`;
  const log = new FakeLog();
  const app = await App.start(loadConfig(text, 'test.toml'), log);
  if (!stopped) t.after(() => app.stop(0));
  return new ResumableRig(new RunningApp(t, app, log), origin);
}

/** The events of a text, without comments: pairs of id and data. */
export function eventsIn(text: string): { readonly id: string; readonly data: string }[] {
  const events: { id: string; data: string }[] = [];
  for (const block of text.split('\n\n').slice(0, -1)) {
    const id = /^id: (.*)$/m.exec(block)?.[1] ?? '';
    const data = [...block.matchAll(/^data: (.*)$/gm)].map((match) => match[1]).join('\n');
    events.push({ id, data });
  }
  return events;
}

/** The id of the last event of a text. */
export function lastId(text: string): string {
  return eventsIn(text).at(-1)?.id ?? assert.fail('there is no event');
}

/** The data of all events of a text. */
export function dataIn(text: string): string[] {
  return eventsIn(text).map(({ data }) => data);
}
