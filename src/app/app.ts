import type { CertificateKeeper } from '../acme/index.ts';
import { TimerWheel } from '../clock/index.ts';
import { type Config, controlListen, hasProxy, type ListenAddress } from '../config/index.ts';
import { type Life, metricsService, operationsOf } from '../control/index.ts';
import {
  ControlCounters,
  CounterRegistry,
  Counters,
  type Holder,
  type Log,
  OriginCounters,
  RouteStatsTable,
  ServerCounters,
} from '../exchange/index.ts';
import { StaticFiles } from '../files/index.ts';
import { listeningSockets } from '../net/index.ts';
import { StateClient } from '../sessions/index.ts';
import { SessionCounters } from '../zhttp/index.ts';
import { ZmqCounters } from '../zmq/index.ts';
import { PublishSockets } from '../zmq-publish/index.ts';
import { AccessLogs } from './access-logs.ts';
import { keepCertificates } from './acme.ts';
import { controlBackendOf } from './control-backend-of.ts';
import { ControlRole } from './control-role.ts';
import { dashboardPages } from './dashboard-pages.ts';
import { DescriptorWatch } from './descriptor-watch.ts';
import { type FetchPlan, fetchPlans } from './fetch-plan.ts';
import { FetchRole } from './fetch-role.ts';
import { type ConfiguredRoles, LiveConfig } from './live-config.ts';
import type { ProcessLog } from './logger.ts';
import { ProcessTable } from './metrics/process-table.ts';
import { prometheusText } from './metrics/prometheus-text.ts';
import { newMongrel2Counters } from './mongrel2-role.ts';
import { Mongrel2Roles } from './mongrel2-roles.ts';
import { newEdge } from './new-edge.ts';
import { Observers } from './observers.ts';
import { checkOpenFiles } from './open-files.ts';
import type { ProxyMetrics } from './proxy-metrics.ts';
import { ProxyRole } from './proxy-role.ts';
import { ProxyWorkers } from './proxy-workers.ts';
import type { PublishingHub } from './publishing.ts';
import { type ConfigOrigin, newReloads, type Reloads } from './reloads.ts';
import { rolesOf } from './roles-of.ts';
import type { Snapshot } from './snapshot.ts';
import { startedFields } from './started-fields.ts';
import { StatsRole } from './stats-role.ts';
import { type ConfigurationState, newConfigurationState, type StatusSources } from './status-of.ts';
import { checkIdentities } from './tls-listener.ts';
import { Traces } from './traces.ts';
import type { OldProcess } from './upgrade/old-process.ts';
import { PeerHandOver } from './upgrade/peer-hand-over.ts';
import { ProxyHandOver } from './upgrade/proxy-hand-over.ts';
import type { Upgrader } from './upgrade/upgrader.ts';
import { upgraderOf } from './upgrade/upgrader-of.ts';
import { windDownAll } from './upgrade/wind-down.ts';
import { PoolCounters, type WorkerWatch } from './worker-pool.ts';

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
  /** Where a session state service can connect. */
  readonly stateEndpoints: string[] = [];
  readonly publishCounters = new ZmqCounters();
  /** Where clients of the edge can connect. */
  readonly edgeAddresses: string[] = [];
  readonly edgeCounters = { server: new ServerCounters(), zhttp: new SessionCounters(), zmq: new ZmqCounters() };
  /** Where clients of the Mongrel2 servers can connect. */
  readonly mongrel2Addresses: string[] = [];
  readonly mongrel2Counters = newMongrel2Counters();
  /** Endpoints at which outbound requests are asked for. */
  readonly fetchEndpoints: string[] = [];
  readonly fetchCounters = { client: new OriginCounters(), zhttp: new SessionCounters(), zmq: new ZmqCounters() };
  /** Endpoints by which requests come from edges that are other programs. */
  readonly frontEndpoints: string[] = [];
  readonly frontCounters = { zhttp: new SessionCounters(), zmq: new ZmqCounters() };
  /** Counts sessions with what stands for origins over ZHTTP. */
  readonly originCounters = { zhttp: new SessionCounters(), zmq: new ZmqCounters() };
  /** Messages to worker processes. */
  readonly relayCounters = new ZmqCounters();
  /** All counters of this process and its workers. */
  readonly registry = new CounterRegistry();
  /** What is counted by route. */
  readonly routeStats = new RouteStatsTable();
  /** What this process and its workers say of themselves; they are watched where there is a control port. */
  readonly processes = new ProcessTable();
  readonly #poolCounters = new PoolCounters();
  readonly #traces: Traces;
  /** Replaces this process by another one. */
  readonly upgrader: Upgrader;
  /** Is called with the id of the process that has replaced this one, which is to finish; null: this one cannot be replaced. */
  onReplaced: ((pid: number) => void) | null = null;
  /** The process that this one replaces; null for none. */
  readonly #old: OldProcess | null;
  readonly #config: Config;
  readonly #fetchPlans: readonly FetchPlan[];
  readonly #log: Log;
  readonly #wheel = new TimerWheel();
  readonly #proxy: ProxyRole;
  readonly #handOver: ProxyHandOver;
  readonly #peers: PeerHandOver;
  /** Where worker processes have the clients; null otherwise. */
  #workers: ProxyWorkers | null = null;
  #running = false;
  readonly #started = new Date();
  /** Where the program is in its life. */
  state: Life = 'starting';
  /** What the control API tells of the configuration; whoever reads it keeps this up to date. */
  readonly configuration: ConfigurationState = newConfigurationState();
  #control: ControlRole | null = null;
  #stats: StatsRole | null = null;
  #publishSockets: PublishSockets | null = null;
  #sessions: StateClient | null = null;
  #edge: ReturnType<typeof newEdge> | null = null;
  readonly #mongrel2 = new Mongrel2Roles();
  #fetch: FetchRole | null = null;
  /** Orders certificates; null where no listener asks for it. */
  #certificates: CertificateKeeper | null = null;
  readonly #observers = new Observers();
  readonly #accessLog: AccessLogs;
  readonly #descriptors: DescriptorWatch;

  /** The configuration in force, which may become another one. */
  readonly live: LiveConfig;
  /** Null where the program cannot read its configuration again. */
  readonly reloads: Reloads | null;

  private constructor(
    config: Config,
    log: Log,
    plans: readonly FetchPlan[],
    origin: ConfigOrigin | null,
    old: OldProcess | null,
  ) {
    this.#config = config;
    this.#old = old;
    this.#fetchPlans = plans;
    this.#log = log;
    this.#accessLog = new AccessLogs(this.#observers, log);
    this.#descriptors = new DescriptorWatch(log);
    this.#traces = new Traces({ trace: config.trace, wheel: this.#wheel, log });
    const pairs = origin?.loaded.overlay?.overlay.certificates ?? {};
    const parts = { roles: () => this.#configured, accessLog: this.#accessLog, traces: this.#traces };
    this.live = new LiveConfig({ config, plans, pairs, ...parts, log });
    this.reloads =
      origin === null
        ? null
        : newReloads(origin, { live: this.live, state: this.configuration, life: () => this.state, log });
    const { counters, frontCounters, originCounters, routeStats } = this;
    const means = { wheel: this.#wheel, log, counters };
    this.#proxy = new ProxyRole({
      ...{ ...means, config, frontCounters, originCounters, routeStats },
      tracing: this.#traces.of('server'),
      observer: this.#observers.of('proxy'),
      certificates: this.live.certificates,
      ...(old !== null && { idPrefix: `${process.pid}.` }),
    });
    const toMove = { ...means, clients: this.#proxy, zmqCounters: this.relayCounters };
    this.#handOver = new ProxyHandOver(config, toMove, old);
    this.#peers = new PeerHandOver(old, { log, counters });
    this.upgrader = upgraderOf(this, old, this.#peers.sides(this.#handOver.sides), { log, counters });
  }

  /**
   * Starts everything the configuration asks for.
   * @param plans what outbound requests are made, where that is more than `[fetch]` can say
   * @param origin where the configuration has come from; null where it cannot be read again
   * @param old the process that this one replaces; null for none
   * @throws Error when an address cannot be bound or a key cannot be used; nothing keeps running then
   */
  static async start(
    config: Config,
    log: Log,
    plans: readonly FetchPlan[] = fetchPlans(config),
    origin: ConfigOrigin | null = null,
    old: OldProcess | null = null,
  ): Promise<App> {
    const app = new App(config, log, plans, origin, old);
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
  async stop(seconds = this.live.config.server.drainTimeout): Promise<void> {
    this.state = 'draining';
    this.upgrader.cancel();
    const roles = this.#serving;
    for (const role of roles) role.drain();
    // It tells that the others drain until they are empty.
    this.#control?.refusePublishing();
    await this.#certificates?.stop();
    await this.#publishSockets?.close();
    if (this.#workers === null) this.#proxy.drainHub();
    else this.#workers.relay.drain();
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise((resolve) => {
      timer = setTimeout(resolve, seconds * 1000);
    });
    await Promise.race([this.#whenEmpty(roles), deadline]);
    clearTimeout(timer);
    await this.#stats?.stop();
    const own = [this.#control, this.#stats].filter((server) => server !== null);
    for (const server of own) server.destroy();
    await Promise.all([
      this.#proxy.stop(),
      this.#workers?.stop(),
      this.#edge?.stop(),
      ...this.#mongrel2.all.map((role) => role.stop()),
      this.#fetch?.stop(),
      this.#control?.whenEmpty(),
    ]);
    await this.#handOver.stop();
    await this.#sessions?.close();
    await this.#traces.close();
    this.#wheel.stop();
    this.processes.stop();
    this.#accessLog.close();
    this.#descriptors.stop();
    if (!this.#running) return;
    this.#log.info(this.registry.byRole(), 'stopped');
  }

  async #whenEmpty(roles: readonly { whenEmpty(): Promise<void> }[]): Promise<void> {
    await Promise.all(roles.map((role) => role.whenEmpty()));
    this.#control?.drain();
    await this.#control?.whenEmpty();
  }

  /**
   * Replaces the configuration in force as a whole, except for keys that need a restart. Requests that run keep what they began with.
   * @throws Error when a key or a certificate cannot be read or used; then nothing changes
   */
  async reconfigure(config: Config): Promise<void> {
    (await this.live.prepare(config)).commit();
  }

  get #configured(): ConfiguredRoles {
    const proxy = hasProxy(this.#config.server) || this.#control !== null ? this.#proxy : null;
    return { proxy, workers: this.#workers, edge: this.#edge, fetch: this.#fetch, keeper: this.#certificates };
  }

  /** Another process accepts in place of this one, which goes on with what is open. */
  retire(): void {
    this.state = 'draining';
    listeningSockets.handOn();
    for (const role of this.#serving) role.retire();
    this.#control?.retire();
    void this.#certificates?.stop();
  }

  /** Finishes within `upgrade_timeout` what the process that replaces this one was not given, with goodbyes spread over the second half, and stops. */
  async finish(): Promise<void> {
    const bound = [this.#edge, this.#fetch, ...this.#mongrel2.all];
    await windDownAll(this.live.config.server, [this.#proxy, this.#workers, this.#control], bound);
    this.#peers.stop();
    await this.stop(0);
  }

  /** The process ends now: removes what it would leave behind. */
  quit(): void {
    this.upgrader.cancel();
    listeningSockets.removeFiles();
    for (const role of this.#mongrel2.all) role.quit();
  }

  /** Log files have been moved away. That of the process was opened again here: workers do the same, and Mongrel2 servers with theirs. */
  reopenLog(): void {
    this.#accessLog.reopen();
    this.#workers?.reopenLog();
    for (const role of this.#mongrel2.all) role.reload();
  }

  /** Resolves when all Mongrel2 servers have been ended over their control ports. */
  whenMongrel2Ended(): Promise<void> {
    return this.#mongrel2.whenEnded();
  }

  /** The roles but for the control port. */
  get #serving() {
    const single = [this.#proxy, this.#workers, this.#edge, this.#fetch];
    return [...single.filter((role) => role !== null), ...this.#mongrel2.all];
  }

  /** Where Prometheus gets Pushpin's metrics. */
  get statsAddresses(): readonly string[] {
    return this.#stats?.addresses ?? [];
  }

  /** Where stats packets are published. */
  get statsEndpoints(): readonly string[] {
    return this.#stats?.endpoints ?? [];
  }

  /** Takes what is published. */
  get #publisher(): PublishingHub {
    return this.#handOver.publishing;
  }

  async #start(): Promise<void> {
    const { server, edge, accessLog } = this.#config;
    this.#accessLog.prepare(accessLog).commit();
    this.registry.add('access', this.#accessLog.counters);
    checkIdentities(server, this.#log);
    checkIdentities(edge, this.#log);
    const controlAddresses = controlListen(this.#config);
    if (hasProxy(server) || controlAddresses.length > 0) this.registry.add('control', this.controlCounters);
    if (server.workers > 1 || edge.workers > 1) this.registry.add('pool', this.#poolCounters);
    this.#traces.register(this.registry);
    if (controlAddresses.length > 0) this.processes.start();
    if (hasProxy(server)) {
      const snapshots = this.#proxy.prepare();
      this.registry.add('proxy', this.counters);
      if (server.workers > 1) this.#workers = this.#newWorkers();
      await this.#handOver.follow(this.#old, this.#workers?.relay ?? null);
      await this.#startSessions();
      await this.#startProxy();
      const { live, registry } = this;
      const means = { wheel: this.#wheel, log: this.#log, registry, old: this.#old };
      this.#certificates = keepCertificates(() => live.config, means);
      await this.#startPublishSockets(snapshots);
      await this.#startStats(snapshots);
    }
    if (controlAddresses.length > 0) await this.#startControl(controlAddresses);
    if (edge.listen.length > 0) await this.#startEdge();
    if (edge.mongrel2.length > 0) await this.#startMongrel2();
    if (this.#fetchPlans.length > 0) {
      this.#fetch = this.#newFetch();
      await this.#fetch.start();
      this.fetchEndpoints.push(...this.#fetch.endpoints);
    }
    this.#running = true;
    this.state = 'ready';
    this.#log.info(startedFields(this, this.#fetch !== null), 'started');
    checkOpenFiles(this.#config, this.#fetchPlans, this.#log);
    this.#descriptors.start();
  }

  get #watching(): { readonly watch: WorkerWatch; readonly watched: boolean } {
    const { processes } = this;
    return { watch: { processes, poolCounters: this.#poolCounters }, watched: controlListen(this.#config).length > 0 };
  }

  /** Names the counters of a role for the registry: `edge.zmq`. */
  #register(role: string, parts: Readonly<Record<string, object>>): void {
    for (const [part, counters] of Object.entries(parts)) this.registry.add(`${role}.${part}`, counters);
  }

  async #startEdge(): Promise<void> {
    this.#register('edge', this.edgeCounters);
    const { server: serverCounters, zhttp: counters, zmq: zmqCounters } = this.edgeCounters;
    this.#edge = newEdge(this.#config, {
      ...{ wheel: this.#wheel, log: this.#log, counters, zmqCounters, serverCounters, registry: this.registry },
      ...{ certificates: this.live.certificates, pairs: this.live.pairs, watching: this.#watching },
      ...{ observer: this.#observers.of('edge'), tracing: this.#traces.of('server'), peers: this.#peers },
    });
    await this.#edge.start();
    this.edgeAddresses.push(...this.#edge.addresses);
  }

  async #startMongrel2(): Promise<void> {
    this.#register('mongrel2', this.mongrel2Counters);
    const files = new StaticFiles({ counters: this.mongrel2Counters.folders, log: this.#log, wheel: this.#wheel });
    const { level } = this.#config.log;
    const shared = { wheel: this.#wheel, log: this.#log, level, counters: this.mongrel2Counters, files };
    await this.#mongrel2.start(this.#config.edge.mongrel2, { ...shared, old: this.#old });
    this.mongrel2Addresses.push(...this.#mongrel2.all.map(({ address }) => address));
  }

  #newFetch(): FetchRole {
    this.#register('fetch', this.fetchCounters);
    const { client: clientCounters, zhttp: counters, zmq: zmqCounters } = this.fetchCounters;
    const shared = { wheel: this.#wheel, log: this.#log, clientCounters, counters, zmqCounters };
    const told = { observer: this.#observers.of('fetch'), tracing: this.#traces.of('client') };
    return new FetchRole({ ...shared, ...told, plans: this.#fetchPlans });
  }

  async #startSessions(): Promise<void> {
    const { state: endpoints, ipcFileMode } = this.#config.publish;
    if (endpoints.length === 0) return;
    const zmqCounters = new ZmqCounters();
    this.registry.add('sessions.zmq', zmqCounters);
    const shared = { wheel: this.#wheel, log: this.#log, counters: this.counters, zmqCounters };
    const client = new StateClient({ ...shared, endpoints, ipcFileMode });
    this.#sessions = client;
    this.stateEndpoints.push(...(await client.open()));
    this.#peers.add({ name: 'sessions', sockets: client.sockets, link: null, ready: () => client.idle });
  }

  async #startProxy(): Promise<void> {
    const { server } = this.#config;
    if (this.#workers !== null) {
      await this.#workers.start();
      this.clientAddresses.push(...this.#workers.addresses);
      return;
    }
    this.#register('origins', this.originCounters);
    if (server.zhttp.length > 0) this.#register('proxy', this.frontCounters);
    await this.#proxy.start(this.#sessions);
    this.clientAddresses.push(...this.#proxy.addresses);
    this.frontEndpoints.push(...this.#proxy.frontEndpoints);
  }

  #newWorkers(): ProxyWorkers {
    this.registry.add('proxy.relay', this.relayCounters);
    const { counters, registry, relayCounters: zmqCounters } = this;
    const logFile = 'file' in this.#log ? ((this.#log as ProcessLog).file?.path ?? null) : null;
    const ofPool = { registry, logFile, certificates: this.live.pairs, ...this.#watching };
    const shared = { wheel: this.#wheel, log: this.#log, counters, zmqCounters, ...ofPool };
    return new ProxyWorkers({ ...shared, config: this.#config, limits: this.#proxy.hubLimits });
  }

  async #startControl(addresses: readonly ListenAddress[]): Promise<void> {
    const { controlCounters: counters, registry, processes } = this;
    this.#control = new ControlRole({
      snapshots: this.#proxy.prepare(),
      publisher: hasProxy(this.#config.server) ? this.#publisher : null,
      metrics: metricsService(() =>
        prometheusText({ registry, proxy: this.#metrics, processes, timers: this.#wheel.size }),
      ),
      pages: dashboardPages(registry, this.#log, this.#wheel),
      sessions: this.#handOver.sessions,
      operations: operationsOf(
        controlBackendOf({
          config: () => this.#proxy.prepare().current.config,
          life: () => this.state,
          statusSources: () => this.#statusSources,
          errors: () => processes.errors,
          registry,
          roles: () => ({ proxy: this.#proxy, workers: this.#workers, edge: this.#edge, fetch: this.#fetch }),
          fetches: this.#fetchPlans.length > 0,
          report: { counters, log: this.#log },
          upgrader: this.upgrader,
          reloads: this.reloads,
        }),
      ),
      counters,
      observer: this.#observers.of('control'),
      wheel: this.#wheel,
      log: this.#log,
    });
    await this.#control.listen(addresses);
    this.controlAddresses.push(...this.#control.addresses);
  }

  get #metrics(): ProxyMetrics | null {
    return hasProxy(this.#config.server) ? (this.#workers ?? this.#proxy).metrics : null;
  }

  get #statusSources(): StatusSources {
    return {
      state: this.state,
      started: this.#started,
      ...rolesOf(this.#config, this),
      configuration: this.configuration,
      registry: this.registry,
      process: this.processes.own,
      hub: this.#metrics?.hub ?? null,
    };
  }

  async #startPublishSockets(snapshots: Holder<Snapshot>): Promise<void> {
    const { publish } = this.#config;
    if (publish.pull.length + publish.sub.length + publish.command.length === 0) return;
    this.registry.add('publish.zmq', this.publishCounters);
    const { controlCounters: counters, publishCounters: zmqCounters } = this;
    const shared = { wheel: this.#wheel, log: this.#log, counters, zmqCounters };
    const limits = snapshots.part(({ config }) => config.publish);
    const sockets = new PublishSockets({ ...publish, ...shared, limits, publisher: this.#publisher });
    this.#publishSockets = sockets;
    await sockets.open();
    this.#peers.add({ name: 'publish', sockets: sockets.bound, link: null });
    const { pull, sub, command } = sockets.endpoints;
    this.publishEndpoints.push(...pull, ...sub, ...command);
  }

  async #startStats(snapshots: Holder<Snapshot>): Promise<void> {
    const { counters, controlCounters, routeStats, registry } = this;
    const counted = { counters, controlCounters, routeStats, registry };
    const roles = { config: this.#config, proxy: this.#proxy, workers: this.#workers, snapshots };
    this.#stats = new StatsRole({ ...roles, ...counted, wheel: this.#wheel, log: this.#log });
    await this.#stats.start();
  }
}
