import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { App } from '../../../../src/app/index.ts';
import { type Config, defaultConfig, mergeCommandLine, parseListenAddress } from '../../../../src/config/index.ts';
import { settled } from '../../../support/settled.ts';
import { Client, type ClientOptions, type StreamedAnswer } from './client.ts';
import { TestLog } from './test-log.ts';

export { settled };

/** Turns of the event loop, several seconds of them, after which a test stops hoping. */
const MAX_TURNS = 5_000_000;

/** What of the configuration a test wants otherwise. */
export interface Overrides {
  readonly server?: Partial<Config['server']>;
  readonly proxy?: Partial<Config['proxy']>;
  readonly hub?: Partial<Config['hub']>;
}

/** The whole program, running in this process, and clients for it. */
export class RunningApp {
  readonly app: App;
  readonly log: TestLog;
  readonly client: Client;
  readonly #control: Client;

  constructor(t: TestContext, app: App, log: TestLog) {
    this.app = app;
    this.log = log;
    this.client = new Client(t, portOf(app.clientAddresses[0]));
    this.#control = new Client(t, portOf(app.controlAddresses[0]));
  }

  get counters(): App['counters'] {
    return this.app.counters;
  }

  /** Sends a request and resolves with its whole response. */
  send(options: ClientOptions = {}): Promise<StreamedAnswer> {
    return this.client.send(options);
  }

  /** Sends a request and resolves with the head of its response. */
  stream(options: ClientOptions = {}): Promise<StreamedAnswer> {
    return this.client.stream(options);
  }

  /** Resolves when `count` clients in all have come to be held. */
  async held(count = 1): Promise<void> {
    await this.log.heard('hold', count);
  }

  /** Publishes items, given as GRIP's JSON has them. */
  async publish(...items: object[]): Promise<void> {
    const answer = await this.#control.send({
      method: 'POST',
      path: '/publish/',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ items }),
    });
    assert.equal(answer.text, 'Published\n');
  }

  /** Tells that items may have been lost. */
  async recover(): Promise<void> {
    const answer = await this.#control.send({ method: 'POST', path: '/recover', body: '' });
    assert.equal(answer.text, 'Updated\n');
  }

  /** Resolves when nobody is held. */
  async nobodyHeld(): Promise<void> {
    await eventually(() => this.counters.holdsOpen === 0);
  }
}

/** Starts the program with these route lines on free ports; it is stopped with the test. */
export async function startApp(
  t: TestContext,
  routes: readonly string[],
  overrides: Overrides = {},
  log = new TestLog(),
): Promise<RunningApp> {
  const app = await App.start(configOf(routes, overrides), log);
  t.after(() => app.stop(0));
  return new RunningApp(t, app, log);
}

/** A configuration with these route lines that listens on free ports of the loopback interface. */
export function configOf(routes: readonly string[], overrides: Overrides = {}): Config {
  const config = mergeCommandLine(defaultConfig(), { port: ['127.0.0.1:0'], routes });
  return {
    ...config,
    server: { ...config.server, ...overrides.server },
    proxy: { ...config.proxy, ...overrides.proxy },
    hub: { ...config.hub, ...overrides.hub },
    control: { ...config.control, listen: [parseListenAddress('127.0.0.1:0')] },
  };
}

/** Resolves when `test` holds, which is looked at in every turn of the event loop. */
export async function eventually(test: () => boolean): Promise<void> {
  for (let turns = 0; !test(); turns++) {
    assert.ok(turns < MAX_TURNS, 'what the test waits for does not happen');
    await turn();
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function portOf(address: string | undefined): number {
  return Number(address?.slice(address.lastIndexOf(':') + 1));
}
