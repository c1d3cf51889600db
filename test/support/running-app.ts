import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { App } from '../../src/app/index.ts';
import { type Config, defaultConfig, type ListenAddress, mergeCommandLine } from '../../src/config/index.ts';
import { FakeLog } from './fake-log.ts';
import { connectTo, openTo, type RawClient, type RawResponse } from './raw-client.ts';

type Sections = Pick<Config, 'server' | 'control' | 'proxy' | 'hub'>;

/** What of the defaults a test changes. */
export type Changes = { readonly [Section in keyof Sections]?: Partial<Config[Section]> };

const FREE_PORT: ListenAddress = { kind: 'tcp', host: '127.0.0.1', port: 0 };

/** The whole program in this process, on free ports; it ends with the test. */
export class RunningApp {
  readonly app: App;
  readonly log: FakeLog;
  readonly #t: TestContext;

  constructor(t: TestContext, app: App, log: FakeLog) {
    this.#t = t;
    this.app = app;
    this.log = log;
  }

  get counters(): App['counters'] {
    return this.app.counters;
  }

  /** Where clients connect. */
  get address(): string {
    return this.app.clientAddresses[0] ?? assert.fail('not listening');
  }

  connect(): Promise<RawClient> {
    return connectTo(this.#t, this.address);
  }

  /** As `connect`, without waiting, for a connection that may be refused. */
  open(): RawClient {
    return openTo(this.#t, this.address);
  }

  connectControl(): Promise<RawClient> {
    return connectTo(this.#t, this.app.controlAddresses[0] ?? assert.fail('not listening'));
  }

  /** The answer to a GET on a connection of its own. */
  async get(target: string, fields = ''): Promise<RawResponse> {
    return once(await this.connect(), `GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${fields}\r\n`);
  }

  /** Publishes; `items` is what stands behind the key of the same name. */
  async publish(items: readonly unknown[]): Promise<RawResponse> {
    const body = JSON.stringify({ items });
    return once(
      await this.connectControl(),
      `POST /publish HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${Buffer.from(body).toString('latin1')}`,
    );
  }

  /** Publishes to the streams of a channel, and expects that to be taken. */
  async publishStream(channel: string, ...contents: readonly string[]): Promise<void> {
    const items = contents.map((content) => ({ channel, formats: { 'http-stream': { content } } }));
    assert.equal((await this.publish(items)).status, 200);
  }
}

/** The response to the only request of a connection. */
async function once(client: RawClient, request: string): Promise<RawResponse> {
  const response = await client.request(request);
  client.end();
  return response;
}

/** Starts the program with these route lines, all else being the default but for `changes`. */
export async function startApp(t: TestContext, routes: readonly string[], changes: Changes = {}): Promise<RunningApp> {
  const defaults = defaultConfig();
  const config: Config = {
    ...defaults,
    server: { ...defaults.server, listen: [FREE_PORT], ...changes.server },
    control: { ...defaults.control, listen: [FREE_PORT], ...changes.control },
    proxy: { ...defaults.proxy, ...changes.proxy },
    hub: { ...defaults.hub, ...changes.hub },
  };
  const log = new FakeLog();
  const app = await App.start(mergeCommandLine(config, { routes }), log);
  t.after(() => app.stop(0));
  return new RunningApp(t, app, log);
}
