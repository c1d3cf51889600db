import { type AcmeStore, challengeService } from '../acme/index.ts';
import { HttpClient, WebSocketClient } from '../client/index.ts';
import { Spread, type TimerWheel } from '../clock/index.ts';
import { type Config, hasProxy, type Target } from '../config/index.ts';
import {
  type Counters,
  type Current,
  type ExchangeObserver,
  type HeldTotal,
  Holder,
  type Log,
  type RouteStatsTable,
} from '../exchange/index.ts';
import { HttpFetcher } from '../fetch/index.ts';
import { Hub } from '../hub/index.ts';
import { SystemResolver, TcpDialler } from '../net/index.ts';
import { httpsRedirect, overHttpHeld, type ProxyServices, proxyServices, RateTable } from '../proxy/index.ts';
import {
  type Connection,
  type ConnectionState,
  HttpServer,
  type RequestIds,
  type SocketHandle,
  type Tracing,
} from '../server/index.ts';
import type { StateClient } from '../sessions/index.ts';
import type { SessionCounters } from '../zhttp/index.ts';
import type { ZhttpServer } from '../zhttp-server/index.ts';
import type { ZmqCounters } from '../zmq/index.ts';
import { acceptOptions } from './accept-options.ts';
import { acmeStore } from './acme.ts';
import { newIdPrefix } from './edge-role.ts';
import { KeySets } from './key-sets.ts';
import { patchBody } from './patch-body.ts';
import { metricsOf, type ProxyMetrics } from './proxy-metrics.ts';
import { type Bounds, boundsOf, prepareSnapshot, type Snapshot } from './snapshot.ts';
import { zhttpFront } from './zhttp-front.ts';
import { ZhttpOrigins } from './zhttp-origins.ts';

/** What a proxy is made of. */
export interface ProxyRoleOptions {
  readonly config: Config;
  readonly wheel: TimerWheel;
  readonly log: Log;
  readonly counters: Counters;
  /** What is counted of edges that are other programs. */
  readonly frontCounters: { readonly zhttp: SessionCounters; readonly zmq: ZmqCounters };
  /** What is counted of sessions with what stands for origins over ZHTTP. */
  readonly originCounters: { readonly zhttp: SessionCounters; readonly zmq: ZmqCounters };
  readonly routeStats: RouteStatsTable;
  /** How clients take part in traces. Default: the fields of traces pass as any other. */
  readonly tracing?: Current<Tracing | null>;
  /** What the ids of connections begin with. Empty by default. */
  readonly idPrefix?: string;
  /** Is told of each exchange at its end. */
  readonly observer: Current<ExchangeObserver | null>;
}

/** The proxy with the hub: clients on one side, origins on the other. */
export class ProxyRole {
  /** Where clients can connect: `127.0.0.1:7999`, `unix:/path`. */
  readonly addresses: string[] = [];
  /** Endpoints by which requests come from edges that are other programs. */
  readonly frontEndpoints: string[] = [];
  readonly hub: Hub;
  readonly #options: ProxyRoleOptions;
  readonly #bounds: Holder<Bounds>;
  readonly #client: HttpClient;
  readonly #webSockets: WebSocketClient;
  readonly #zhttpOrigins: ZhttpOrigins;
  readonly #keySets: KeySets;
  readonly #rates: RateTable;
  readonly #overHttpHeld: HeldTotal;
  #snapshots: Holder<Snapshot> | null = null;
  #services: ProxyServices | null = null;
  /** Whether clients are served here. */
  #started = false;
  /** Serves the routes. */
  #main: HttpServer | null = null;
  readonly #servers: HttpServer[] = [];
  /** Takes the requests of edges that are other programs. */
  #front: ZhttpServer | null = null;

  constructor(options: ProxyRoleOptions) {
    const { config, wheel, counters, log, originCounters } = options;
    const shared = { wheel, counters, log };
    const dialler = new TcpDialler({ resolver: new SystemResolver(), log });
    const origins = { ...shared, dialler };
    this.#options = options;
    this.#bounds = new Holder(boundsOf(config));
    this.#client = new HttpClient({ ...origins, limits: this.#bounds.part(({ client }) => client) });
    this.#webSockets = new WebSocketClient({
      ...origins,
      limits: this.#bounds.part(({ webSocketClient }) => webSocketClient),
      compression: false,
    });
    this.#keySets = new KeySets({
      ...shared,
      fetcher: new HttpFetcher({ ...shared, client: this.#client, opener: this.#webSockets, ipv4Only: false }),
    });
    this.#zhttpOrigins = new ZhttpOrigins({
      wheel,
      log,
      limits: this.#bounds.part(({ client }) => client),
      fetch: hasProxy(config.server) ? config.proxy.fetch : [],
      counters: originCounters.zhttp,
      zmqCounters: originCounters.zmq,
    });
    this.#rates = new RateTable(counters);
    this.#overHttpHeld = overHttpHeld(shared);
    this.hub = new Hub({ ...shared, limits: this.#bounds.part(({ hub }) => hub), patchBody });
  }

  /** The metrics now. */
  get metrics(): ProxyMetrics {
    const { routeStats, wheel } = this.#options;
    return metricsOf(this.hub, routeStats, this.#snapshots?.current.proxy.all ?? [], wheel);
  }

  /** Limits of the hub in force. */
  get hubLimits() {
    return this.#bounds.part(({ hub }) => hub);
  }

  /**
   * The snapshot of the configuration in force, made with the first call.
   * @throws Error when a key cannot be read or used
   */
  prepare(): Holder<Snapshot> {
    this.#snapshots ??= new Holder(this.#snapshot(this.#options.config));
    return this.#snapshots;
  }

  /**
   * Listens, once it is prepared.
   * @param sessions keeps the sessions of clients; null where nothing does
   * @throws Error when an address or an endpoint cannot be used
   */
  async start(sessions: StateClient | null = null): Promise<void> {
    this.#zhttpOrigins.use(targetsOf(this.#options.config));
    await this.#zhttpOrigins.ready();
    await this.#listen(sessions);
    this.#started = true;
    this.#startChecks();
  }

  get #requestIds(): RequestIds {
    const { requestId: mode, returnRequestId: returned } = this.#options.config.server;
    return { mode, returned, prefix: newIdPrefix() };
  }

  async #listen(sessions: StateClient | null): Promise<void> {
    const { config, wheel, log, counters, frontCounters, observer, tracing, idPrefix = '' } = this.#options;
    const { server } = config;
    const snapshots = this.#snapshots as Holder<Snapshot>;
    const means = { wheel, log, counters };
    const requestIds = { current: this.#requestIds };
    const limits = snapshots.part((snapshot) => snapshot.server);
    const common = { ...means, limits, idPrefix, observer, requestIds, tracing, compression: server.compression };
    const settings = snapshots.part(({ proxy }) => proxy);
    const acme = acmeStore(config);
    const made = proxyServices({ settings, hub: this.hub, wheel, sessions, counters, log });
    const services = acme === null ? made : withChallenges(made, acme);
    this.#services = services;
    const main = this.#add(new HttpServer({ ...common, ...services }));
    this.#main = main;
    for (const address of server.listen) {
      const { redirect } = address;
      const own =
        redirect === undefined
          ? main
          : this.#add(new HttpServer({ ...common, service: httpsRedirect(redirect, services.service) }));
      this.addresses.push((await own.listen(address, acceptOptions(server, address, { ...means, acme }))).address);
    }
    if (server.zhttp.length === 0) return;
    const { zhttp, zmq: zmqCounters } = frontCounters;
    const shared = { ...services, server, wheel, log, observer, requestIds: this.#requestIds };
    const traced = tracing === undefined ? {} : { tracing };
    const front = zhttpFront({ ...shared, ...traced, counters: zhttp, zmqCounters });
    this.#front = front;
    this.frontEndpoints.push(...(await front.open()));
  }

  /** Connections that may move to another process. */
  get connections(): readonly Connection[] {
    return this.#main?.connections ?? [];
  }

  /** Finds out whether `adopt` can make a connection again. @throws Error that says why not */
  check(state: ConnectionState): void {
    const responder = state.kind === 'http1' ? state.stream?.responder : state.responder;
    if (responder !== undefined) this.#services?.checkMoved(responder);
  }

  /**
   * Goes on with a connection that another process had.
   * @throws Error when it cannot be made again; it is closed here then
   */
  adopt(handle: SocketHandle, state: ConnectionState): void {
    const { remake } = this.#services as ProxyServices;
    this.#main?.adopt(handle, state, remake);
  }

  /** As `App.reconfigure`. */
  reconfigure(config: Config): void {
    if (this.#snapshots === null) return;
    const snapshot = this.#snapshot(config);
    this.#stopChecks();
    this.#snapshots.current = snapshot;
    this.#bounds.current = boundsOf(config);
    if (!this.#started) return;
    this.#zhttpOrigins.use(targetsOf(config));
    this.#startChecks();
  }

  /** Cuts the connection of a client. Returns whether there is one with this id. */
  closeConnection(id: string): boolean {
    return this.#servers.some((server) => server.closeConnection(id));
  }

  /** Another process accepts: what is open goes on. */
  retire(): void {
    this.#stopChecks();
    for (const server of this.#servers) server.retire();
    this.#front?.drain();
  }

  /** Ends what has stayed, spread over a time in milliseconds. */
  dismiss(time: number): void {
    // What is published meanwhile still reaches those whose turn has not come.
    new Spread(this.#options.wheel, this.hub, [...this.hub.clients()], time, (client) => client.dismiss());
    for (const server of this.#servers) server.dismiss(time);
  }

  /** Takes no more connections, and lets requests in flight finish. Held clients stay until the hub drains. */
  drain(): void {
    this.#stopChecks();
    for (const server of this.#servers) server.drain();
    this.#front?.drain();
  }

  /** No further items come: releases the held clients. */
  drainHub(): void {
    this.hub.drain();
    this.#services?.drain();
  }

  async whenEmpty(): Promise<void> {
    await Promise.all([...this.#servers.map((server) => server.whenEmpty()), this.#front?.whenEmpty()]);
  }

  /** Cuts off what is still open. */
  async stop(): Promise<void> {
    for (const server of this.#servers) server.destroy();
    await Promise.all([
      this.#front?.stop(),
      this.#zhttpOrigins.stop(),
      ...this.#servers.map((server) => server.whenEmpty()),
    ]);
    this.#client.close();
  }

  /** Starts the checks of the targets that are in force. */
  #startChecks(): void {
    let place = 0;
    for (const { targetChecks } of this.#snapshots?.current.proxy.all ?? []) targetChecks?.start(place++);
  }

  #stopChecks(): void {
    for (const { targetChecks } of this.#snapshots?.current.proxy.all ?? []) targetChecks?.stop();
  }

  #add(server: HttpServer): HttpServer {
    this.#servers.push(server);
    return server;
  }

  #snapshot(config: Config): Snapshot {
    const { counters, routeStats, wheel, log } = this.#options;
    return prepareSnapshot(config, {
      client: this.#client,
      webSockets: this.#webSockets,
      overHttpHeld: this.#overHttpHeld,
      zhttp: this.#zhttpOrigins,
      counters,
      routeStats,
      keySets: this.#keySets,
      rates: this.#rates,
      wheel,
      log,
    });
  }
}

function targetsOf({ routes }: Config): readonly Target[] {
  return routes.flatMap(({ targets }) => targets);
}

/** The services, which answer authorities of certificates first. */
function withChallenges(services: ProxyServices, store: AcmeStore): ProxyServices {
  const service = challengeService(store, services.service);
  return { ...services, service, drain: () => services.drain() };
}
