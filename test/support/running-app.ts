import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { App } from '../../src/app/index.ts';
import { type Config, defaultConfig, type ListenAddress, mergeCommandLine } from '../../src/config/index.ts';
import { Client, type ClientOptions, type StreamedResponse } from './client.ts';
import { FakeLog } from './fake-log.ts';
import { turn } from './manual-clock.ts';
import { portOf } from './port-of.ts';
import { connectTo, openTo, type RawClient, type RawResponse } from './raw-client.ts';

type Sections = Pick<Config, 'server' | 'control' | 'proxy' | 'hub' | 'publish' | 'accessLog'>;

/** What of the default configuration a test changes. */
export type Changes = { readonly [Section in keyof Sections]?: Partial<Config[Section]> };

/** Seconds after which a test stops hoping. Brokers that are restarted and other processes need some, on a busy machine many. */
const MAX_WAIT = 100;

const FREE_PORT: ListenAddress = { kind: 'tcp', host: '127.0.0.1', port: 0 };

/** The whole program in this process, on free ports, and clients for it. It ends with the test. */
export class RunningApp {
  readonly app: App;
  readonly log: FakeLog;
  readonly client: Client;
  readonly #t: TestContext;

  constructor(t: TestContext, app: App, log: FakeLog) {
    this.#t = t;
    this.app = app;
    this.log = log;
    this.client = new Client(t, portOf(this.address));
  }

  get counters(): App['counters']['proxy'] {
    return this.app.counters.proxy;
  }

  /** Where clients connect. */
  get address(): string {
    return this.app.addresses.clients[0] ?? assert.fail('not listening');
  }

  /** Sends a request and resolves with its whole response. */
  send(options: ClientOptions = {}): Promise<StreamedResponse> {
    return this.client.send(options);
  }

  /** Sends a request and resolves with the head of its response. */
  stream(options: ClientOptions = {}): Promise<StreamedResponse> {
    return this.client.stream(options);
  }

  /** Connects for raw bytes. */
  connect(): Promise<RawClient> {
    return connectTo(this.#t, this.address);
  }

  /** As `connect`, without waiting, for a connection that may be refused. */
  open(): RawClient {
    return openTo(this.#t, this.address);
  }

  /** Connects to the control port for raw bytes. */
  connectControl(): Promise<RawClient> {
    return connectTo(this.#t, this.app.addresses.control[0] ?? assert.fail('not listening'));
  }

  /** The response to a GET on a connection of its own. */
  async get(target: string, fields = ''): Promise<RawResponse> {
    return once(await this.connect(), `GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${fields}\r\n`);
  }

  /** Publishes items, given as GRIP's JSON has them, and returns the response. */
  async post(items: readonly unknown[]): Promise<RawResponse> {
    const body = JSON.stringify({ items });
    return once(
      await this.connectControl(),
      `POST /publish HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${Buffer.from(body).toString('latin1')}`,
    );
  }

  /** Publishes items, and expects them to be taken. */
  async publish(...items: readonly unknown[]): Promise<void> {
    assert.equal((await this.post(items)).status, 200);
  }

  /** Publishes to the streams of a channel, and expects that to be taken. */
  async publishStream(channel: string, ...contents: readonly string[]): Promise<void> {
    await this.publish(...contents.map((content) => ({ channel, formats: { 'http-stream': { content } } })));
  }

  /** Tells that items may have been lost. */
  async recover(): Promise<void> {
    const request = 'POST /recover HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n';
    assert.equal((await once(await this.connectControl(), request)).body.toString(), 'Updated\n');
  }

  /** Resolves when `count` clients in all have come to be held. */
  async held(count = 1): Promise<void> {
    await this.log.heard('hold', count);
  }

  /** Resolves when nobody is held. */
  async nobodyHeld(): Promise<void> {
    await eventually(() => this.counters.holdsOpen === 0);
  }
}

/** The response to the only request of a connection. */
async function once(client: RawClient, request: string): Promise<RawResponse> {
  const response = await client.request(request);
  client.end();
  return response;
}

/** Starts the program with these route lines, all else being the default but for `changes`. */
export async function startApp(
  t: TestContext,
  routes: readonly string[],
  changes: Changes = {},
  log = new FakeLog(),
): Promise<RunningApp> {
  const app = await App.start(configOf(routes, changes), log);
  t.after(() => app.stop(0));
  return new RunningApp(t, app, log);
}

/** A configuration with these route lines that listens on free loopback ports. */
export function configOf(routes: readonly string[], changes: Changes = {}): Config {
  const defaults = defaultConfig();
  const config: Config = {
    ...defaults,
    server: { ...defaults.server, listen: [FREE_PORT], ...changes.server },
    control: { ...defaults.control, listen: [FREE_PORT], ...changes.control },
    proxy: { ...defaults.proxy, ...changes.proxy },
    hub: { ...defaults.hub, ...changes.hub },
    publish: { ...defaults.publish, ...changes.publish },
    accessLog: { ...defaults.accessLog, ...changes.accessLog },
  };
  return mergeCommandLine(config, { routes });
}

/** Resolves when `test` holds. It is looked at in every turn of the event loop. */
export async function eventually(test: () => boolean): Promise<void> {
  // Not by a clock that tests stop.
  const [start] = process.hrtime();
  while (!test()) {
    assert.ok(process.hrtime()[0] - start < MAX_WAIT, 'what the test waits for does not happen');
    await turn();
  }
}
