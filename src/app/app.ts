import { HttpClient, WebSocketClient } from '../client/index.ts';
import { TimerWheel } from '../clock/index.ts';
import { type Config, hasProxy } from '../config/index.ts';
import { authorized, controlErrorText, metricsService, publishService } from '../control/index.ts';
import {
  ControlCounters,
  CounterRegistry,
  Counters,
  type HeldTotal,
  Holder,
  type Log,
  OriginCounters,
  RouteStatsTable,
  reportFault,
  ServerCounters,
  textResponse,
} from '../exchange/index.ts';
import { HttpFetcher } from '../fetch/index.ts';
import { Hub } from '../hub/index.ts';
import { SystemResolver, TcpDialler } from '../net/index.ts';
import { httpsRedirect, overHttpHeld, type ProxyServices, proxyServices, RateTable } from '../proxy/index.ts';
import { HttpServer } from '../server/index.ts';
import { StateClient } from '../sessions/index.ts';
import { StatsPublisher, StatsReporter } from '../stats/index.ts';
import { SessionCounters } from '../zhttp/index.ts';
import type { ZhttpServer } from '../zhttp-server/index.ts';
import { PubSocket, ZmqCounters } from '../zmq/index.ts';
import { PublishSockets } from '../zmq-publish/index.ts';
import { acceptOptions } from './accept-options.ts';
import { ZmqEdgeLinks } from './edge-links.ts';
import { EdgeRole, newIdPrefix } from './edge-role.ts';
import { EdgeWorkers } from './edge-workers.ts';
import { type FetchPlan, fetchPlans } from './fetch-plan.ts';
import { FetchRole } from './fetch-role.ts';
import { KeySets } from './key-sets.ts';
import { metricsText } from './metrics.ts';
import { openFileLimit } from './open-files.ts';
import { patchBody } from './patch-body.ts';
import { PushpinMetrics } from './pushpin-metrics.ts';
import { type Bounds, boundsOf, prepareSnapshot, type Snapshot } from './snapshot.ts';
import { checkIdentities } from './tls-listener.ts';
import { type ZhttpFrontOptions, zhttpFront } from './zhttp-front.ts';
import { ZhttpOrigins } from './zhttp-origins.ts';

/** The whole program, put together from a configuration. Lifecycle: `App.start` prepares and listens, `stop` drains and ends. */
export class App {
  /** Where clients can connect: `127.0.0.1:7999`, `unix:/path`. */
  readonly clientAddresses: string[] = [];
  /** Where publishers can connect. */
  readonly controlAddresses: string[] = [];
  readonly counters = new Counters();
  /** Publishers are not clients: their connections and requests count apart. */
  readonly controlCounters = new ControlCounters();
  /** Where publishers can connect over ZeroMQ. */
  readonly publishEndpoints: string[] = [];
  readonly publishCounters = new ZmqCounters();
  /** Where clients of the edge can connect. */
  readonly edgeAddresses: string[] = [];
  readonly edgeCounters = { server: new ServerCounters(), zhttp: new SessionCounters(), zmq: new ZmqCounters() };
  /** Endpoints at which outbound requests are asked for. */
  readonly fetchEndpoints: string[] = [];
  readonly fetchCounters = { client: new OriginCounters(), zhttp: new SessionCounters(), zmq: new ZmqCounters() };
  /** Endpoints by which requests come from edges that are other programs. */
  readonly frontEndpoints: string[] = [];
  readonly frontCounters = { zhttp: new SessionCounters(), zmq: new ZmqCounters() };
  /** All counters of this process and its workers. */
  readonly registry = new CounterRegistry();
  /** Where Prometheus gets Pushpin's metrics. */
  readonly statsAddresses: string[] = [];
  /** Where stats packets are published. */
  readonly statsEndpoints: string[] = [];
  readonly statsCounters = new ZmqCounters();
  /** What is counted by route. */
  readonly routeStats = new RouteStatsTable();
  readonly #config: Config;
  readonly #fetchPlans: readonly FetchPlan[];
  readonly #log: Log;
  readonly #wheel = new TimerWheel();
  readonly #bounds: Holder<Bounds>;
  readonly #keySets: KeySets;
  readonly #rates = new RateTable(this.counters);
  readonly #client: HttpClient;
  readonly #webSockets: WebSocketClient;
  /** Counts sessions with what stands for origins over ZHTTP. */
  readonly originCounters = { zhttp: new SessionCounters(), zmq: new ZmqCounters() };
  readonly #zhttpOrigins: ZhttpOrigins;
  readonly #hub: Hub;
  readonly #overHttpHeld: HeldTotal;
  /** Null where neither the proxy nor the publish endpoint runs. */
  #snapshots: Holder<Snapshot> | null = null;
  #running = false;
  #proxy: ProxyServices | null = null;
  #server: HttpServer | null = null;
  /** Servers that redirect to https. */
  readonly #redirects: HttpServer[] = [];
  /** Takes the requests of edges that are other programs. */
  #front: ZhttpServer | null = null;
  #control: HttpServer | null = null;
  #stats: HttpServer | null = null;
  #pushpinMetrics: PushpinMetrics | null = null;
  #statsReporter: StatsReporter | null = null;
  #statsSocket: PubSocket | null = null;
  #publishSockets: PublishSockets | null = null;
  #sessions: StateClient | null = null;
  #edge: EdgeRole | EdgeWorkers | null = null;
  #fetch: FetchRole | null = null;

  private constructor(config: Config, log: Log, plans: readonly FetchPlan[]) {
    const shared = { wheel: this.#wheel, counters: this.counters, log };
    this.#config = config;
    this.#fetchPlans = plans;
    this.#log = log;
    const dialler = new TcpDialler({ resolver: new SystemResolver(), log });
    this.#overHttpHeld = overHttpHeld(shared);
    this.#bounds = new Holder(boundsOf(config));
    const origins = { ...shared, dialler };
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
      wheel: this.#wheel,
      log,
      limits: this.#bounds.part(({ client }) => client),
      fetch: hasProxy(config.server) ? config.proxy.fetch : [],
      counters: this.originCounters.zhttp,
      zmqCounters: this.originCounters.zmq,
    });
    this.#hub = new Hub({ ...shared, limits: this.#bounds.part(({ hub }) => hub), patchBody });
  }

  /**
   * Starts everything the configuration asks for.
   * @param plans what outbound requests are made, where that is more than `[fetch]` can say
   * @throws Error when an address cannot be bound or a key cannot be used; nothing keeps running then
   */
  static async start(config: Config, log: Log, plans: readonly FetchPlan[] = fetchPlans(config)): Promise<App> {
    const app = new App(config, log, plans);
    try {
      await app.#start();
    } catch (error) {
      await app.stop(0);
      throw error;
    }
    return app;
  }

  /**
   * Drains and stops: accepts no more connections, completes requests in flight, ends held streams, and sends held requests their
   * timeout response.
   * @param seconds what is still open after that is cut off
   */
  async stop(seconds = this.#config.server.drainTimeout): Promise<void> {
    const servers = [this.#server, this.#front, ...this.#redirects, this.#control, this.#edge, this.#fetch].filter(
      (server) => server !== null,
    );
    this.#stopChecks();
    for (const server of servers) server.drain();
    await this.#publishSockets?.close();
    this.#hub.drain();
    this.#proxy?.drain();
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise((resolve) => {
      timer = setTimeout(resolve, seconds * 1000);
    });
    await Promise.race([Promise.all(servers.map((server) => server.whenEmpty())), deadline]);
    clearTimeout(timer);
    this.#pushpinMetrics?.stop();
    this.#statsReporter?.stop();
    await this.#statsSocket?.close();
    const own = [this.#server, ...this.#redirects, this.#control, this.#stats].filter((server) => server !== null);
    for (const server of own) server.destroy();
    await Promise.all([
      this.#front?.stop(),
      this.#edge?.stop(),
      this.#fetch?.stop(),
      this.#zhttpOrigins.stop(),
      ...own.map((server) => server.whenEmpty()),
    ]);
    await this.#sessions?.close();
    this.#client.close();
    this.#wheel.stop();
    if (!this.#running) return;
    this.#log.info(this.registry.byRole(), 'stopped');
  }

  /**
   * Replaces the configuration in force, at once and as a whole: routes, keys and header rules, the bounds of `[server]`, `[control]` and
   * `[hub]`, and the timeouts of `[proxy]`. Requests that run keep what they began with. Addresses and the other roles stay as they are
   * until a restart.
   * @throws Error when a key cannot be read or used; then nothing changes
   */
  reconfigure(config: Config): void {
    if (this.#snapshots === null) return;
    const snapshot = this.#snapshot(config);
    this.#stopChecks();
    this.#snapshots.current = snapshot;
    this.#zhttpOrigins.use(config.routes.flatMap(({ targets }) => targets));
    this.#startChecks();
    this.#bounds.current = boundsOf(config);
  }

  /** Starts the checks of the targets that are in force. */
  #startChecks(): void {
    for (const { targetChecks } of this.#snapshots?.current.proxy.all ?? []) targetChecks?.start();
  }

  #stopChecks(): void {
    for (const { targetChecks } of this.#snapshots?.current.proxy.all ?? []) targetChecks?.stop();
  }

  #snapshot(config: Config): Snapshot {
    return prepareSnapshot(config, {
      client: this.#client,
      webSockets: this.#webSockets,
      overHttpHeld: this.#overHttpHeld,
      zhttp: this.#zhttpOrigins,
      counters: this.counters,
      routeStats: this.routeStats,
      keySets: this.#keySets,
      rates: this.#rates,
      wheel: this.#wheel,
      log: this.#log,
    });
  }

  async #start(): Promise<void> {
    const { server, edge } = this.#config;
    checkIdentities(server, this.#log);
    checkIdentities(edge, this.#log);
    if (hasProxy(server)) {
      this.registry.add('proxy', this.counters);
      this.registry.add('control', this.controlCounters);
      const snapshots = new Holder(this.#snapshot(this.#config));
      this.#snapshots = snapshots;
      await this.#startZhttpOrigins();
      await this.#startSessions();
      await this.#startProxy(snapshots);
      await this.#startControl(snapshots);
      await this.#startPublishSockets(snapshots);
      await this.#startStats(snapshots);
      this.#startChecks();
    }
    if (edge.listen.length > 0) await this.#startEdge();
    if (this.#fetchPlans.length > 0) {
      this.#fetch = this.#newFetch();
      await this.#fetch.start();
      this.fetchEndpoints.push(...this.#fetch.endpoints);
    }
    this.#running = true;
    const { clientAddresses: clients, controlAddresses: publishers, edgeAddresses, fetchEndpoints } = this;
    const ofFetch = this.#fetch === null ? {} : { fetch: fetchEndpoints };
    const ofFront = this.frontEndpoints.length === 0 ? {} : { zhttp: this.frontEndpoints };
    const stats = [...this.statsAddresses, ...this.statsEndpoints];
    const ofStats = stats.length === 0 ? {} : { stats };
    const ofPublish = this.publishEndpoints.length === 0 ? {} : { publish: this.publishEndpoints };
    this.#log.info(
      { clients, ...ofFront, publishers, ...ofPublish, ...ofStats, edge: edgeAddresses, ...ofFetch },
      'started',
    );
    this.#checkOpenFiles();
  }

  /** Names the counters of a role for the registry: `edge.zmq`. */
  #register(role: string, parts: Readonly<Record<string, object>>): void {
    for (const [part, counters] of Object.entries(parts)) this.registry.add(`${role}.${part}`, counters);
  }

  async #startEdge(): Promise<void> {
    this.#register('edge', this.edgeCounters);
    const { edge, log } = this.#config;
    const { server: serverCounters, zhttp: counters, zmq: zmqCounters } = this.edgeCounters;
    const shared = { wheel: this.#wheel, log: this.#log, counters, zmqCounters, edge };
    this.#edge =
      edge.workers > 1
        ? new EdgeWorkers({ ...shared, registry: this.registry, logLevel: log.level })
        : new EdgeRole({
            ...shared,
            serverCounters,
            links: new ZmqEdgeLinks(edge, shared),
            idPrefix: newIdPrefix(),
            share: 1,
          });
    await this.#edge.start();
    this.edgeAddresses.push(...this.#edge.addresses);
  }

  async #startZhttpOrigins(): Promise<void> {
    const targets = this.#config.routes.flatMap((route) => route.targets);
    this.#zhttpOrigins.use(targets);
    this.#register('origins', this.originCounters);
    await this.#zhttpOrigins.ready();
  }

  #newFetch(): FetchRole {
    this.#register('fetch', this.fetchCounters);
    const { client: clientCounters, zhttp: counters, zmq: zmqCounters } = this.fetchCounters;
    const shared = { wheel: this.#wheel, log: this.#log, clientCounters, counters, zmqCounters };
    return new FetchRole({ ...shared, plans: this.#fetchPlans });
  }

  async #startSessions(): Promise<void> {
    const { state: endpoints, ipcFileMode } = this.#config.publish;
    if (endpoints.length === 0) return;
    const zmqCounters = new ZmqCounters();
    this.registry.add('sessions.zmq', zmqCounters);
    const shared = { wheel: this.#wheel, log: this.#log, counters: this.counters, zmqCounters };
    const client = new StateClient({ ...shared, endpoints, ipcFileMode });
    this.#sessions = client;
    this.publishEndpoints.push(...(await client.open()));
  }

  async #startProxy(snapshots: Holder<Snapshot>): Promise<void> {
    const { server } = this.#config;
    const means = { wheel: this.#wheel, log: this.#log, counters: this.counters };
    const limits = snapshots.part((snapshot) => snapshot.server);
    const services = proxyServices({
      settings: snapshots.part(({ proxy }) => proxy),
      hub: this.#hub,
      wheel: this.#wheel,
      sessions: this.#sessions,
      counters: this.counters,
      log: this.#log,
    });
    this.#proxy = services;
    this.#server = new HttpServer({ ...means, ...services, limits });
    for (const address of server.listen) {
      const { redirect } = address;
      let own = this.#server;
      if (redirect !== undefined) {
        own = new HttpServer({ ...means, service: httpsRedirect(redirect, services.service), limits });
        this.#redirects.push(own);
      }
      this.clientAddresses.push((await own.listen(address, acceptOptions(server, address, means))).address);
    }
    if (server.zhttp.length > 0) await this.#startFront(services);
  }

  async #startFront(services: Pick<ZhttpFrontOptions, 'service' | 'webSocketService'>): Promise<void> {
    this.#register('proxy', this.frontCounters);
    const { zhttp: counters, zmq: zmqCounters } = this.frontCounters;
    const { server } = this.#config;
    const front = zhttpFront({ ...services, server, wheel: this.#wheel, log: this.#log, counters, zmqCounters });
    this.#front = front;
    this.frontEndpoints.push(...(await front.open()));
  }

  async #startControl(snapshots: Holder<Snapshot>): Promise<void> {
    const { control } = this.#config;
    this.#control = new HttpServer({
      wheel: this.#wheel,
      log: this.#log,
      counters: this.controlCounters,
      service: authorized(
        publishService(this.#hub, {
          settings: snapshots.part(({ config }) => config.control),
          counters: this.controlCounters,
          log: this.#log,
          metrics: metricsService(() =>
            metricsText({
              registry: this.registry,
              routes: this.routeStats,
              hub: this.#hub,
              proxied: snapshots.current.proxy.all ?? [],
            }),
          ),
        }),
        { rules: snapshots.part(({ access }) => access), counters: this.controlCounters, log: this.#log },
      ),
      limits: snapshots.part(({ controlServer }) => controlServer),
      describeError: (error) => {
        const { status, text } = controlErrorText(error);
        return textResponse(status, text);
      },
    });
    for (const address of control.listen) this.controlAddresses.push((await this.#control.listen(address)).address);
  }

  async #startPublishSockets(snapshots: Holder<Snapshot>): Promise<void> {
    const { publish } = this.#config;
    if (publish.pull.length + publish.sub.length + publish.command.length === 0) return;
    this.registry.add('publish.zmq', this.publishCounters);
    const { controlCounters: counters, publishCounters: zmqCounters } = this;
    const shared = { wheel: this.#wheel, log: this.#log, counters, zmqCounters };
    const limits = snapshots.part(({ config }) => config.publish);
    const sockets = new PublishSockets({ ...publish, ...shared, limits, publisher: this.#hub });
    this.#publishSockets = sockets;
    await sockets.open();
    const { pull, sub, command } = sockets.endpoints;
    this.publishEndpoints.push(...pull, ...sub, ...command);
  }

  async #startStats(snapshots: Holder<Snapshot>): Promise<void> {
    const { stats } = this.#config;
    if (stats.pub.length > 0) await this.#startStatsPackets(snapshots);
    if (stats.prometheus.length === 0) return;
    const metrics = new PushpinMetrics(this.counters, stats.prometheusPrefix, this);
    this.#pushpinMetrics = metrics;
    this.#stats = new HttpServer({
      wheel: this.#wheel,
      log: this.#log,
      counters: this.controlCounters,
      service: metricsService(() => metrics.text),
      limits: snapshots.part(({ controlServer }) => controlServer),
    });
    for (const address of stats.prometheus) this.statsAddresses.push((await this.#stats.listen(address)).address);
  }

  async #startStatsPackets(snapshots: Holder<Snapshot>): Promise<void> {
    const { stats } = this.#config;
    this.registry.add('stats.zmq', this.statsCounters);
    const context = { wheel: this.#wheel, counters: this.statsCounters, log: this.#log };
    const socket = new PubSocket(context, { ipcMode: stats.ipcFileMode });
    this.#statsSocket = socket;
    for (const endpoint of stats.pub) this.statsEndpoints.push(await socket.bind(endpoint));
    this.#statsReporter = new StatsReporter({
      ...stats,
      hub: this.#hub,
      counters: this.counters,
      routes: this.routeStats,
      routeIds: () => snapshots.current.routeIds,
      blockSize: () => this.#bounds.current.hub.messageBlockSize,
      log: this.#log,
      socket: new StatsPublisher(socket),
      from: `holdfast_${process.pid}`,
    });
    this.#hub.observe(this.#statsReporter);
  }

  /** An exception outside of all exchanges. */
  onFault(thrown: unknown): void {
    reportFault({ counters: this.counters, log: this.#log }, thrown);
  }

  /** Beyond the limit of open files the system refuses connections by itself: nothing here can count them or respond. */
  #checkOpenFiles(): void {
    const { server, edge } = this.#config;
    const openFiles = openFileLimit();
    const wanted =
      (hasProxy(server) ? server.maxConnections : 0) +
      (edge.listen.length > 0 ? edge.reqMaxconn + edge.streamMaxconn : 0) +
      // Each request to an origin is a connection.
      this.#fetchPlans.reduce((sum, { maxOpenRequests }) => sum + maxOpenRequests, 0);
    if (openFiles === null || openFiles >= wanted) return;
    const warning = `open-file limit (${openFiles}) is below max_connections (${wanted}): raise it (ulimit -n) or lower the maximum`;
    this.#log.info({ openFiles, maxConnections: wanted }, warning);
  }
}
