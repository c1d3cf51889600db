import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { TimerWheel } from '../../src/clock/index.ts';
import { DEFAULT_LIMITS } from '../../src/codec/http1/index.ts';
import { DEFAULT_LIMITS as WEBSOCKET_LIMITS } from '../../src/codec/websocket/index.ts';
import { Counters } from '../../src/exchange/index.ts';
import type { ListenAddress } from '../../src/net/index.ts';
import { HttpServer, type HttpServerOptions, type ServerLimits } from '../../src/server/index.ts';
import { FakeLog } from './fake-log.ts';
import { turn } from './manual-clock.ts';
import { connectTo, type RawClient } from './raw-client.ts';
import { type ScriptedExchange, ScriptedService, type ScriptedWebSocket } from './scripted-service.ts';
import { temporaryFolder } from './temporary-folder.ts';

const LIMITS: ServerLimits = {
  ...DEFAULT_LIMITS,
  ...WEBSOCKET_LIMITS,
  maxConnections: 1_000,
  acceptTimeout: 10,
  headerTimeout: 10,
  idleTimeout: 75,
  bodyTimeout: 60,
  writeTimeout: 60,
  requestTimeout: 0,
  pipelineBytes: 65_536,
  abortOnHalfClose: false,
  queuedMessages: 100,
  closeTimeout: 10,
};

/** Limits that differ from the usual ones, and what else a test wants of the server. */
export type ServerChanges = Partial<
  ServerLimits &
    Pick<
      HttpServerOptions,
      | 'autoPong'
      | 'compression'
      | 'endsUnheard'
      | 'maxUnreadBytes'
      | 'maxUnsentBytes'
      | 'observer'
      | 'rawService'
      | 'requestIds'
      | 'service'
      | 'tracing'
    >
> & {
  /** Whether a service for WebSockets is there. Default: true. */
  readonly webSockets?: boolean;
};

/** A server whose exchanges the test answers, unless it has a service, with all around it; it ends with the test. */
export class RunningServer {
  readonly counters = new Counters();
  readonly log = new FakeLog();
  readonly wheel = new TimerWheel();
  readonly script = new ScriptedService();
  readonly server: HttpServer;
  readonly limits: ServerLimits;
  /** Where it listens. */
  address = '';
  readonly #t: TestContext;
  /** The server's ends of the connections, in the order of `#clients`. */
  readonly #accepted: Socket[] = [];
  readonly #clients: RawClient[] = [];

  constructor(t: TestContext, changes: ServerChanges = {}) {
    this.#t = t;
    const {
      autoPong,
      compression,
      endsUnheard = false,
      maxUnreadBytes,
      maxUnsentBytes,
      observer,
      rawService,
      requestIds,
      service,
      tracing,
      webSockets = true,
      ...limits
    } = changes;
    this.limits = { ...LIMITS, ...limits };
    const { script, counters, log, wheel } = this;
    this.server = new HttpServer({
      service: service ?? script.service,
      webSocketService: webSockets ? script.webSocketService : null,
      autoPong,
      compression,
      endsUnheard,
      maxUnreadBytes,
      maxUnsentBytes,
      observer,
      rawService,
      requestIds,
      tracing,
      limits: { current: this.limits },
      wheel,
      counters,
      log,
    });
    const onSocket = (message: unknown) => this.#accepted.push((message as { socket: Socket }).socket);
    subscribe('net.server.socket', onSocket);
    t.after(() => {
      unsubscribe('net.server.socket', onSocket);
      this.server.drain();
      this.server.destroy();
      wheel.stop();
    });
  }

  /** How many connections were accepted so far. */
  get accepted(): number {
    return this.#accepted.length;
  }

  async connect(): Promise<RawClient> {
    const client = await connectTo(this.#t, this.address);
    this.#clients.push(client);
    return client;
  }

  /** The server's end of a client's connection. */
  async serverEnd(client: RawClient): Promise<Socket> {
    const index = this.#clients.indexOf(client);
    while (this.#accepted.length <= index) await turn();
    return this.#accepted[index] as Socket;
  }

  /** The next exchange that the service is given. */
  next(): Promise<ScriptedExchange> {
    return this.script.next();
  }

  /** The next exchange that the service for WebSockets is given. */
  nextWebSocket(): Promise<ScriptedWebSocket> {
    return this.script.nextWebSocket();
  }
}

/** Starts a server on a free TCP port. */
export async function startServer(t: TestContext, changes: ServerChanges = {}): Promise<RunningServer> {
  return listenOn(new RunningServer(t, changes), { kind: 'tcp', host: '127.0.0.1', port: 0 });
}

/**
 * Starts a server on a unix socket: the kernel buffers much less for it than for TCP, so that a client that does not read is noticed
 * after some hundred kilobytes.
 */
export async function startUnixServer(t: TestContext, changes: ServerChanges = {}): Promise<RunningServer> {
  return listenOn(new RunningServer(t, changes), unixAddress(t));
}

async function listenOn(running: RunningServer, address: ListenAddress): Promise<RunningServer> {
  running.address = (await running.server.listen(address)).address;
  return running;
}

/** A unix socket in a folder of its own. */
export function unixAddress(t: TestContext): ListenAddress & { kind: 'unix' } {
  return { kind: 'unix', path: join(temporaryFolder(t), 'socket'), mode: null, user: null, group: null };
}
