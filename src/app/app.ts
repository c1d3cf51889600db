import { TimerWheel } from '../clock/index.ts';
import type { ClusterNode, NodeClients } from '../cluster/index.ts';
import { type Config, controlListen, hasProxy, type ListenAddress } from '../config/index.ts';
import type { Life } from '../control/index.ts';
import type { Holder, Log } from '../exchange/index.ts';
import { listeningSockets } from '../net/index.ts';
import { StateClient } from '../sessions/index.ts';
import { ZmqCounters } from '../zmq/index.ts';
import { PublishSockets } from '../zmq-publish/index.ts';
import { AccessLogs } from './access-logs.ts';
import { keepCertificates } from './acme.ts';
import { Addresses } from './addresses.ts';
import { AllNodes } from './all-nodes.ts';
import { AppCounters } from './app-counters.ts';
import { AppRoles } from './app-roles.ts';
import { joinCluster, nodeClients } from './cluster-role.ts';
import { type FetchPlan, fetchPlans } from './fetch-plan.ts';
import { FetchRole } from './fetch-role.ts';
import { channelRules, HistoryRole } from './history-role.ts';
import { idFamily } from './id-family.ts';
import { LiveConfig } from './live-config.ts';
import type { ProcessLog } from './logger.ts';
import { ProcessTable } from './metrics/process-table.ts';
import { newControl } from './new-control.ts';
import { newEdge } from './new-edge.ts';
import { nodeFacts } from './node-facts.ts';
import { Observers } from './observers.ts';
import { checkOpenFiles } from './open-files.ts';
import { ProxyRole } from './proxy-role.ts';
import { ProxyWorkers } from './proxy-workers.ts';
import { type ConfigOrigin, newReloads, type Reloads } from './reloads.ts';
import type { Snapshot } from './snapshot.ts';
import { startedFields } from './started-fields.ts';
import { StatsRole } from './stats-role.ts';
import { type ConfigurationState, newConfigurationState } from './status-of.ts';
import { checkIdentities } from './tls-listener.ts';
import { Traces } from './traces.ts';
import type { OldProcess } from './upgrade/old-process.ts';
import { PeerHandOver } from './upgrade/peer-hand-over.ts';
import { ProxyHandOver } from './upgrade/proxy-hand-over.ts';
import type { Upgrader } from './upgrade/upgrader.ts';
import { upgraderOf } from './upgrade/upgrader-of.ts';
import { Watches } from './watches.ts';
import { WebhookRole } from './webhook-role.ts';
import type { WorkerWatch } from './worker-pool.ts';

/** The whole program, put together from a configuration. Lifecycle: `App.start` prepares and listens, `stop` drains and ends. */
export class App {
  /** Where the program can be reached. */
  readonly addresses = new Addresses();
  readonly counters = new AppCounters();
  /** What this process and its workers say of themselves; they are watched where there is a control port. */
  readonly processes = new ProcessTable();
  /** Replaces this process by another one. */
  readonly upgrader: Upgrader;
  /** Is called with the id of the process that has replaced this one, which is to finish; null: this one cannot be replaced. */
  onReplaced: ((pid: number) => void) | null = null;
  /** Where the program is in its life. */
  state: Life = 'starting';
  /** What the control API tells of the configuration; whoever reads it keeps this up to date. */
  readonly configuration: ConfigurationState = newConfigurationState();
  /** The configuration in force, which may become another one. */
  readonly live: LiveConfig;
  /** Null where the program cannot read its configuration again. */
  readonly reloads: Reloads | null;
  /** That of the start. */
  readonly #config: Config;
  readonly #fetchPlans: readonly FetchPlan[];
  /** The process that this one replaces; null for none. */
  readonly #old: OldProcess | null;
  readonly #log: Log;
  readonly #wheel = new TimerWheel();
  /** What every role is made with. */
  readonly #means: { readonly wheel: TimerWheel; readonly log: Log };
  readonly #roles: AppRoles;
  readonly #handOver: ProxyHandOver;
  readonly #peers: PeerHandOver;
  readonly #observers = new Observers();
  readonly #accessLog: AccessLogs;
  readonly #traces: Traces;
  readonly #watches: Watches;
  readonly #started = new Date();
  #running = false;
  #abandon: AbortSignal | null = null;

  private constructor(
    config: Config,
    log: Log,
    plans: readonly FetchPlan[],
    origin: ConfigOrigin | null,
    old: OldProcess | null,
  ) {
    this.#config = config;
    this.#fetchPlans = plans;
    this.#old = old;
    this.#log = log;
    this.#means = { wheel: this.#wheel, log };
    this.#accessLog = new AccessLogs(this.#observers, log);
    this.#traces = new Traces({ ...this.#means, trace: config.trace });
    const pairs = origin?.loaded.overlay?.overlay.certificates ?? {};
    const parts = { roles: () => this.#roles.configured(config), accessLog: this.#accessLog, traces: this.#traces };
    this.live = new LiveConfig({ config, plans, pairs, ...parts, log });
    this.#watches = new Watches(this.live, log);
    this.reloads =
      origin === null
        ? null
        : newReloads(origin, { live: this.live, state: this.configuration, life: () => this.state, log });
    const means = { ...this.#means, counters: this.counters.proxy };
    const proxy = new ProxyRole({
      ...{ ...means, config, frontCounters: this.counters.front, originCounters: this.counters.origins },
      routeStats: this.counters.routes,
      tracing: this.#traces.of('server'),
      observer: this.#observers.of('proxy'),
      certificates: this.live.certificates,
      idPrefix: idFamily(config, old !== null),
    });
    this.#roles = new AppRoles(proxy);
    this.#handOver = new ProxyHandOver(config, { ...means, proxy, zmqCounters: this.counters.relay }, old);
    this.#peers = new PeerHandOver(old, means);
    this.upgrader = upgraderOf(this, old, this.#peers.sides(this.#handOver.sides), means);
  }

  /**
   * Starts everything the configuration asks for.
   * @param plans what outbound requests are made, where that is more than `[fetch]` can say
   * @param origin where the configuration has come from; null where it cannot be read again
   * @param old the process that this one replaces; null for none
   * @param abandon ends waiting for a broker that is not there yet
   * @throws Error when an address cannot be bound or a key cannot be used; nothing keeps running then
   */
  static async start(
    config: Config,
    log: Log,
    plans: readonly FetchPlan[] = fetchPlans(config),
    origin: ConfigOrigin | null = null,
    old: OldProcess | null = null,
    abandon: AbortSignal | null = null,
  ): Promise<App> {
    const app = new App(config, log, plans, origin, old);
    app.#abandon = abandon;
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
    this.#roles.cluster?.registry.sendHeartbeat();
    await this.#roles.stop(seconds);
    await this.#handOver.stop();
    await this.#roles.sessions?.close();
    await this.#traces.close();
    this.#wheel.stop();
    this.processes.stop();
    this.#accessLog.close();
    this.#watches.stop();
    if (!this.#running) return;
    this.#log.info(this.counters.registry.byRole(), 'stopped');
  }

  /**
   * Replaces the configuration in force as a whole, except for keys that need a restart. Requests that run keep what they began with.
   * @throws Error when a key or a certificate cannot be read or used; then nothing changes
   */
  async reconfigure(config: Config): Promise<void> {
    (await this.live.prepare(config)).commit();
  }

  get upgradeHindrance(): string | null {
    return this.#roles.cluster === null
      ? null
      : 'a node of a cluster is not upgraded in place: drain it, and start it again, one node after the other';
  }

  /** Another process accepts in place of this one, which goes on with what is open. */
  retire(): void {
    this.state = 'draining';
    listeningSockets.handOn();
    this.#roles.retire();
  }

  /** Finishes within `upgrade_timeout` what the process that replaces this one was not given, with goodbyes spread over the second half, and stops. */
  async finish(): Promise<void> {
    await this.#roles.windDown(this.live.config.server);
    this.#peers.stop();
    await this.stop(0);
  }

  /** The process ends now: removes what it would leave behind. */
  quit(): void {
    this.upgrader.cancel();
    listeningSockets.removeFiles();
    this.#roles.quit();
  }

  /** Log files have been moved away. That of the process was opened again here: workers do the same, and Mongrel2 servers with theirs. */
  reopenLog(): void {
    this.#accessLog.reopen();
    this.#roles.reopenLogs();
  }

  /** Resolves when all Mongrel2 servers have been ended over their control ports. */
  whenMongrel2Ended(): Promise<void> {
    return this.#roles.mongrel2.whenEnded();
  }

  async #start(): Promise<void> {
    const { server, edge, accessLog } = this.#config;
    const { registry } = this.counters;
    this.#accessLog.prepare(accessLog).commit();
    registry.add('access', this.#accessLog.counters);
    checkIdentities(server, this.#log);
    checkIdentities(edge, this.#log);
    const controlAddresses = controlListen(this.#config);
    if (hasProxy(server) || controlAddresses.length > 0) registry.add('control', this.counters.control);
    if (server.workers > 1 || edge.workers > 1) registry.add('pool', this.counters.pool);
    this.#traces.register(registry);
    if (controlAddresses.length > 0) this.processes.start();
    if (hasProxy(server)) {
      const snapshots = this.#roles.proxy.prepare();
      registry.add('proxy', this.counters.proxy);
      if (server.workers > 1) this.#roles.workers = this.#newWorkers();
      await this.#startHistory();
      await this.#startSessions();
      await this.#startProxy();
      this.#roles.certificates = keepCertificates(() => this.live.config, { ...this.#means, registry, old: this.#old });
      await this.#startPublishSockets(snapshots);
      await this.#startStats(snapshots);
    }
    if (controlAddresses.length > 0) await this.#startControl(controlAddresses);
    if (edge.listen.length > 0) await this.#startEdge();
    if (edge.mongrel2.length > 0) await this.#startMongrel2();
    if (this.#fetchPlans.length > 0) await this.#startFetch();
    this.#running = true;
    this.state = 'ready';
    this.#log.info(startedFields(this.addresses, this.#roles.fetch !== null), 'started');
    checkOpenFiles(this.#config, this.#fetchPlans, this.#log);
    this.#watches.start();
  }

  get #watching(): { readonly watch: WorkerWatch; readonly watched: boolean } {
    const watch = { processes: this.processes, poolCounters: this.counters.pool };
    return { watch, watched: controlListen(this.#config).length > 0 };
  }

  async #startEdge(): Promise<void> {
    this.counters.register('edge', this.counters.edge);
    const { server: serverCounters, zhttp: counters, zmq: zmqCounters } = this.counters.edge;
    this.#roles.edge = newEdge(this.#config, {
      ...{ ...this.#means, counters, zmqCounters, serverCounters, registry: this.counters.registry },
      ...{ certificates: this.live.certificates, pairs: this.live.pairs, watching: this.#watching },
      ...{ observer: this.#observers.of('edge'), tracing: this.#traces.of('server'), peers: this.#peers },
    });
    await this.#roles.edge.start();
    this.addresses.edge.push(...this.#roles.edge.addresses);
  }

  async #startMongrel2(): Promise<void> {
    const { mongrel2: counters } = this.counters;
    this.counters.register('mongrel2', counters);
    const { mongrel2 } = this.#roles;
    const shared = { ...this.#means, level: this.#config.log.level, counters, old: this.#old };
    const told = { observer: this.#observers.of('mongrel2'), tracing: this.#traces.of('server') };
    await mongrel2.start(this.#config.edge.mongrel2, { ...shared, ...told });
    this.addresses.mongrel2.push(...mongrel2.all.map(({ address }) => address));
  }

  async #startFetch(): Promise<void> {
    this.counters.register('fetch', this.counters.fetch);
    const { client: clientCounters, zhttp: counters, zmq: zmqCounters } = this.counters.fetch;
    const told = { observer: this.#observers.of('fetch'), tracing: this.#traces.of('client') };
    const counted = { clientCounters, counters, zmqCounters };
    this.#roles.fetch = new FetchRole({ ...this.#means, ...counted, ...told, plans: this.#fetchPlans });
    await this.#roles.fetch.start();
    this.addresses.fetch.push(...this.#roles.fetch.endpoints);
  }

  /** Takes over the clients and the history of the process before this one, or begins a history. */
  async #startHistory(): Promise<void> {
    const { history: counters, registry } = this.counters;
    registry.add('history', counters);
    const { proxy, workers } = this.#roles;
    const clients = workers === null ? proxy.hub : workers.relay.router;
    const { history: target } = clients;
    target.rules = channelRules(this.#config);
    const cluster = await this.#joinCluster(nodeClients(clients, () => (workers?.relay ?? proxy.hub).catchUp()));
    this.#roles.cluster = cluster;
    if (cluster !== null) this.#handOver.publishing.join(cluster);
    const history = new HistoryRole(this.#config, { ...this.#means, counters, target, cluster });
    this.#roles.history = history;
    registry.add('webhooks', this.counters.webhooks.webhooks);
    registry.add('webhooks.client', this.counters.webhooks.client);
    const webhooks = new WebhookRole(this.#means, this.counters.webhooks, () =>
      history.given || cluster?.leadsPresence === false ? null : history.store,
    );
    this.#roles.webhooks = webhooks;
    webhooks.use(this.#config.webhooks);
    // While clients come the process before this one keeps their items.
    const comes = this.#old?.move === true;
    await history.start(comes);
    const { publishing } = this.#handOver;
    const report = { counters: this.counters.proxy, log: this.#log };
    this.#roles.allNodes = new AllNodes({ proxy, workers, publishing, report }, cluster?.calls ?? null);
    await cluster?.follow();
    if (cluster !== null) await cluster.countUsers(proxy.presence, clients);
    else if (!comes) proxy.presence.lead(clients);
    await this.#handOver.follow(this.#old, workers, history);
  }

  async #joinCluster(clients: NodeClients): Promise<ClusterNode | null> {
    if (this.#config.cluster.nats.length === 0) return null;
    const { cluster: counters, history: historyCounters, registry } = this.counters;
    registry.add('cluster', counters);
    const { proxy, workers } = this.#roles;
    const facts = nodeFacts({
      life: () => this.state,
      rules: () => this.live.config.channels,
      registry,
      channels: () => (workers ?? proxy).metrics.hub.channels,
    });
    return joinCluster(this.#config, { ...this.#means, counters, historyCounters, clients, facts }, this.#abandon);
  }

  /** Clients that come back to another node of a cluster get the rest of their streams there. */
  async #shareStreams(): Promise<void> {
    const { cluster, proxy } = this.#roles;
    if (cluster === null) return;
    const { cluster: counters } = this.counters;
    await proxy.shareStreams({ counters, connect: async () => cluster.broker, ownsBroker: false }).use(this.#config);
  }

  async #startSessions(): Promise<void> {
    const { state: endpoints, ipcFileMode } = this.#config.publish;
    if (endpoints.length === 0) return;
    const zmqCounters = new ZmqCounters();
    this.counters.registry.add('sessions.zmq', zmqCounters);
    const counted = { counters: this.counters.proxy, zmqCounters };
    const client = new StateClient({ ...this.#means, ...counted, endpoints, ipcFileMode });
    this.#roles.sessions = client;
    this.addresses.state.push(...(await client.open()));
    this.#peers.add({ name: 'sessions', sockets: client.sockets, link: null, ready: () => client.idle });
  }

  async #startProxy(): Promise<void> {
    const { proxy, workers, sessions } = this.#roles;
    if (workers !== null) {
      await workers.start();
      this.addresses.clients.push(...workers.addresses);
      return;
    }
    this.counters.register('origins', this.counters.origins);
    if (this.#config.server.zhttp.length > 0) this.counters.register('proxy', this.counters.front);
    await proxy.start(sessions);
    await this.#shareStreams();
    this.addresses.clients.push(...proxy.addresses);
    this.addresses.zhttp.push(...proxy.frontEndpoints);
  }

  #newWorkers(): ProxyWorkers {
    const { registry, relay: zmqCounters, proxy: counters } = this.counters;
    registry.add('proxy.relay', zmqCounters);
    const logFile = 'file' in this.#log ? ((this.#log as ProcessLog).file?.path ?? null) : null;
    const ofPool = { registry, logFile, certificates: this.live.pairs, ...this.#watching };
    const shared = { ...this.#means, counters, zmqCounters, ...ofPool };
    const replaces = this.#old !== null;
    const { presence, hubLimits: limits } = this.#roles.proxy;
    return new ProxyWorkers({ ...shared, replaces, config: this.#config, limits, presence });
  }

  async #startControl(addresses: readonly ListenAddress[]): Promise<void> {
    const { processes, counters, reloads, upgrader, configuration } = this;
    const control = newControl(this.#config, {
      ...{ ...this.#means, counters, processes, configuration, reloads, upgrader, addresses: this.addresses },
      life: () => this.state,
      started: this.#started,
      certificates: this.#watches.certificates,
      roles: this.#roles,
      fetches: this.#fetchPlans.length > 0,
      old: this.#old,
      publisher: hasProxy(this.#config.server) ? this.#handOver.publishing : null,
      sessions: this.#handOver.sessions,
      observer: this.#observers.of('control'),
    });
    this.#roles.control = control;
    await control.listen(addresses);
    this.addresses.control.push(...control.addresses);
  }

  async #startPublishSockets(snapshots: Holder<Snapshot>): Promise<void> {
    const { publish } = this.#config;
    if (publish.pull.length + publish.sub.length + publish.command.length === 0) return;
    const { registry, control: counters, publish: zmqCounters } = this.counters;
    registry.add('publish.zmq', zmqCounters);
    const shared = { ...this.#means, counters, zmqCounters };
    const limits = snapshots.part(({ config }) => config.publish);
    const sockets = new PublishSockets({
      ...publish,
      ...shared,
      limits,
      publisher: this.#handOver.publishing,
      allChannels: this.#roles.cluster !== null,
    });
    this.#roles.publishSockets = sockets;
    await sockets.open();
    this.#peers.add({ name: 'publish', sockets: sockets.bound, link: null });
    const { pull, sub, command } = sockets.endpoints;
    this.addresses.publish.push(...pull, ...sub, ...command);
  }

  async #startStats(snapshots: Holder<Snapshot>): Promise<void> {
    const { proxy: counters, control: controlCounters, routes: routeStats, registry } = this.counters;
    const counted = { counters, controlCounters, routeStats, registry };
    const { proxy, workers } = this.#roles;
    const stats = new StatsRole({ ...this.#means, ...counted, config: this.#config, proxy, workers, snapshots });
    this.#roles.stats = stats;
    await stats.start();
    this.addresses.stats.push(...stats.addresses, ...stats.endpoints);
  }
}
