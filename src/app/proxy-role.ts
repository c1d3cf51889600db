import { type AcmeStore, challengeService } from '../acme/index.ts';
import { HttpClient, WebSocketClient } from '../client/index.ts';
import { inSlices, Spread, type TimerWheel } from '../clock/index.ts';
import { type Config, hasProxy, type Route, type Target } from '../config/index.ts';
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
import { Hub, PresenceTable } from '../hub/index.ts';
import { SystemResolver, TcpDialler } from '../net/index.ts';
import {
  httpsRedirect,
  overHttpHeld,
  type ProxiedRoute,
  type ProxyServices,
  proxyServices,
  RateTable,
  routeName,
} from '../proxy/index.ts';
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
import type { Certificates } from './certificates.ts';
import { ClientView } from './client-view.ts';
import { newIdPrefix } from './edge-role.ts';
import { KeySets } from './key-sets.ts';
import { withoutRoute, withRoute } from './one-route.ts';
import { patchBody } from './patch-body.ts';
import {
  forgetUnused,
  prepareRoute,
  prepareRouting,
  type RouteChanges,
  Routing,
  type RoutingMeans,
} from './prepare-routing.ts';
import type { Prepared } from './prepared.ts';
import { metricsOf, type ProxyMetrics } from './proxy-metrics.ts';
import { type Bounds, boundsOf, newSnapshot, type Snapshot } from './snapshot.ts';
import { StreamPlaces } from './stream-places.ts';
import { StreamSharing, type StreamSharingOptions } from './stream-sharing.ts';
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
  readonly certificates: Certificates;
  /** What the ids of connections begin with. Empty by default. */
  readonly idPrefix?: string;
  /** Is told of each exchange at its end. */
  readonly observer: Current<ExchangeObserver | null>;
}

/** Another configuration of the proxy that is ready to come into force. */
export interface PreparedRouting extends Prepared {
  readonly changes: RouteChanges;
}

/** The proxy with the hub: clients on one side, origins on the other. */
export class ProxyRole {
  /** Where clients can connect: `127.0.0.1:7999`, `unix:/path`. */
  readonly addresses: string[] = [];
  /** Endpoints by which requests come from edges that are other programs. */
  readonly frontEndpoints: string[] = [];
  readonly hub: Hub;
  /** Who is there. It counts where this process orders the items. */
  readonly presence: PresenceTable;
  readonly #options: ProxyRoleOptions;
  readonly #bounds: Holder<Bounds>;
  readonly #client: HttpClient;
  readonly #webSockets: WebSocketClient;
  readonly #zhttpOrigins: ZhttpOrigins;
  readonly #keySets: KeySets;
  readonly #rates: RateTable;
  readonly #overHttpHeld: HeldTotal;
  #snapshots: Holder<Snapshot> | null = null;
  /** Null before it listens. */
  #places: StreamPlaces | null = null;
  /** Null for one node by itself. */
  #sharing: StreamSharing | null = null;
  /** Whether another process accepts. */
  #retired = false;
  #services: ProxyServices | null = null;
  /** Whether clients are served here. */
  #started = false;
  /** Serves the routes. */
  #main: HttpServer | null = null;
  readonly #servers: HttpServer[] = [];
  /** Its clients, for whoever looks at them. */
  readonly clients: ClientView;
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
    const limits = this.#bounds.part(({ hub }) => hub);
    this.presence = new PresenceTable({ ...shared, limits });
    this.hub = new Hub({ ...shared, limits, presence: this.presence, patchBody });
    this.clients = new ClientView(this.hub, this.#servers);
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
    const { config } = this.#options;
    this.#snapshots ??= new Holder(newSnapshot(config, prepareRouting(config, this.#means)));
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
    this.#startChecks(this.#snapshots?.current.proxy.all ?? []);
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
    const section = snapshots.part((snapshot) => snapshot.config.server);
    const accepted = { ...means, certificates: this.#options.certificates, acme: acmeStore(config) };
    const limits = snapshots.part((snapshot) => snapshot.server);
    const common = { ...means, limits, idPrefix, observer, requestIds, tracing, compression: server.compression };
    const settings = snapshots.part(({ proxy }) => proxy);
    const acme = acmeStore(config);
    const maxBytes = this.#bounds.part(({ streamBytes }) => streamBytes);
    this.#places = new StreamPlaces({ ...means, listen: server.listen, maxBytes, limits });
    const resume = this.#places;
    const made = proxyServices({ settings, hub: this.hub, wheel, sessions, resume, counters, log });
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
      this.addresses.push((await own.listen(address, acceptOptions(section, address, accepted))).address);
    }
    if (server.zhttp.length === 0) return;
    const { zhttp, zmq: zmqCounters } = frontCounters;
    const shared = { ...services, server, wheel, log, observer, requestIds: this.#requestIds };
    const traced = tracing === undefined ? {} : { tracing };
    const front = zhttpFront({ ...shared, ...traced, counters: zhttp, zmqCounters });
    this.#front = front;
    this.frontEndpoints.push(...(await front.open()));
  }

  /** Shares the streams of this process with other nodes, once it has started. */
  shareStreams(options: Pick<StreamSharingOptions, 'counters' | 'connect' | 'ownsBroker'>): StreamSharing {
    const { wheel, log } = this.#options;
    this.#sharing = new StreamSharing({ ...options, wheel, log, places: this.#places as StreamPlaces });
    return this.#sharing;
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

  /**
   * Prepares another configuration beside the one in force, in turns of the event loop between which requests go on.
   * @throws Error when a key or a certificate cannot be read or used
   */
  async prepareChange(config: Config): Promise<PreparedRouting> {
    const snapshots = this.#snapshots as Holder<Snapshot>;
    const former = snapshots.current;
    const all = former.proxy.all ?? [];
    const routing = new Routing(config, this.#means, { config: former.config, all });
    try {
      await inSlices(config.routes, (_, index) => routing.add(index));
      const snapshot = newSnapshot(config, routing.finish());
      return {
        changes: routing.changes,
        commit: () => this.#use(snapshot, new Set(all)),
        discard: () => forgetUnused(former.config, this.#means),
      };
    } catch (error) {
      forgetUnused(former.config, this.#means);
      throw error;
    }
  }

  /**
   * Prepares one route, which is to take the place of those with its id. The others are not looked at.
   * @throws Error when it has the condition of another one, or a key or certificate of it cannot be read or used
   */
  preparePut(route: Route): Prepared {
    const snapshots = this.#snapshots as Holder<Snapshot>;
    const { config, proxy } = snapshots.current;
    const same = proxy.routes.withCondition(route);
    if (same !== null && same.route.id !== route.id) {
      throw new Error(`the route ${JSON.stringify(routeName(same.route))} has the same host, path_beg, proto and ssl`);
    }
    const made = prepareRoute(config, route, this.#means);
    return { commit: () => this.#replace(withRoute(config, route), route.id, made), discard: () => {} };
  }

  /** Prepares to take out the routes with an id. */
  prepareRemove(id: string): Prepared {
    const { config } = (this.#snapshots as Holder<Snapshot>).current;
    return { commit: () => this.#replace(withoutRoute(config, id), id, null), discard: () => {} };
  }

  #replace(config: Config, id: string, route: ProxiedRoute | null): void {
    const snapshots = this.#snapshots as Holder<Snapshot>;
    const { current } = snapshots;
    const { proxy } = current;
    const [all, gone] = [[] as ProxiedRoute[], [] as ProxiedRoute[]];
    for (const each of proxy.all ?? []) (each.route.id === id ? gone : all).push(each);
    for (const each of gone) {
      proxy.routes.remove(each);
      each.targetChecks?.stop();
    }
    if (route === null) this.#options.routeStats.forget(id);
    else {
      proxy.routes.add(route);
      all.push(route);
    }
    const routeIds = new Set(current.routeIds);
    if (route === null) routeIds.delete(id);
    else routeIds.add(id);
    snapshots.current = { ...current, config, routeIds, proxy: { ...proxy, all } };
    void this.#sharing?.follow(config);
    if (!this.#started) return;
    this.#zhttpOrigins.use(targetsOf(config));
    if (route !== null) this.#startChecks([route]);
  }

  #use(snapshot: Snapshot, former: ReadonlySet<ProxiedRoute>): void {
    const { config, proxy } = snapshot;
    const snapshots = this.#snapshots as Holder<Snapshot>;
    snapshots.current = snapshot;
    this.#bounds.current = boundsOf(config);
    void this.#sharing?.follow(config);
    forgetUnused(config, this.#means);
    if (!this.#started) return;
    const now = new Set(proxy.all);
    for (const route of former) if (!now.has(route)) route.targetChecks?.stop();
    this.#zhttpOrigins.use(targetsOf(config));
    this.#startChecks([...now].filter((route) => !former.has(route)));
  }

  /** Another process accepts: what is open goes on. */
  retire(): void {
    this.#retired = true;
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
    // Clients come back to the process that accepts now, which asks this one.
    if (this.#retired) await this.#places?.whenEmpty();
    // Clients go on at other nodes, which have what is read here.
    if (this.#sharing?.active === true) await this.#places?.streams.whenEnded();
  }

  /** Cuts off what is still open. */
  async stop(): Promise<void> {
    await this.#sharing?.stop();
    this.#places?.stop();
    for (const server of this.#servers) server.destroy();
    await Promise.all([
      this.#front?.stop(),
      this.#zhttpOrigins.stop(),
      ...this.#servers.map((server) => server.whenEmpty()),
    ]);
    this.#client.close();
  }

  #startChecks(routes: readonly ProxiedRoute[]): void {
    let place = 0;
    for (const { targetChecks } of routes) targetChecks?.start(place++);
  }

  #stopChecks(): void {
    for (const { targetChecks } of this.#snapshots?.current.proxy.all ?? []) targetChecks?.stop();
  }

  #add(server: HttpServer): HttpServer {
    this.#servers.push(server);
    return server;
  }

  get #means(): RoutingMeans {
    const { counters, routeStats, wheel, log } = this.#options;
    return {
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
    };
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
