import type { Socket } from 'node:net';
import { TimerWheel } from '../clock/index.ts';
import type { Config } from '../config/index.ts';
import {
  ClusterCounters,
  CounterRegistry,
  type CounterSnapshot,
  Counters,
  type Current,
  RouteStatsTable,
} from '../exchange/index.ts';
import { HubLink } from '../hub-relay/index.ts';
import type { StatsReporter } from '../stats/index.ts';
import { SessionCounters } from '../zhttp/index.ts';
import { ZmqCounters } from '../zmq/index.ts';
import type { AccessLogs } from './access-logs.ts';
import { type CertificatePairs, Certificates, type PreparedCertificates } from './certificates.ts';
import { type ChangePart, decodeValue } from './change-parts.ts';
import type { ClientView } from './client-view.ts';
import { connectBroker } from './cluster-role.ts';
import { channelRules } from './history-role.ts';
import type { ProcessLog } from './logger.ts';
import { withoutRoute, withRoute } from './one-route.ts';
import type { Prepared } from './prepared.ts';
import { PreparedParts } from './prepared-parts.ts';
import type { ProxyMetrics } from './proxy-metrics.ts';
import { ProxyRole } from './proxy-role.ts';
import type { Snapshot } from './snapshot.ts';
import { statsReporter } from './stats-reporter-of.ts';
import { checkIdentities } from './tls-listener.ts';
import { Traces } from './traces.ts';
import type { SendMoving } from './upgrade/moving-clients.ts';
import { MovingWorkerClients } from './upgrade/moving-worker-clients.ts';
import type { SocketHandle } from './upgrade/upgrade-channel.ts';
import type { MovingOrder, MovingReport } from './upgrade/upgrade-messages.ts';
import type { ProxyJob } from './worker-messages.ts';
import type { WorkerRole } from './worker-role.ts';

/** The proxy and its hub in one of several processes. */
export class ProxyWorker implements WorkerRole {
  readonly #registry = new CounterRegistry();
  readonly #wheel = new TimerWheel();
  readonly #config: Config;
  #current: InUse;
  readonly #log: ProcessLog;
  readonly #accessLog: AccessLogs;
  readonly #traces: Traces;
  readonly #proxy: ProxyRole;
  readonly #link: HubLink;
  readonly #counters = new Counters();
  readonly #routeStats = new RouteStatsTable();
  #reporter: StatsReporter | null = null;

  readonly #certificates: Certificates;

  readonly #moving: MovingWorkerClients;

  /**
   * @param channels the way of items from the main process
   * @param tellMoving tells the main process of clients that move
   */
  constructor(
    job: ProxyJob,
    [channel]: readonly Socket[],
    log: ProcessLog,
    accessLog: AccessLogs,
    tellMoving: SendMoving<MovingReport>,
  ) {
    const counters = this.#counters;
    const zmqCounters = new ZmqCounters();
    this.#config = shareOf(decodeValue<Config>(job.config));
    this.#certificates = new Certificates(job.certificates);
    this.#current = { config: decodeValue<Config>(job.config), certificates: job.certificates };
    this.#log = log;
    this.#registry.add('proxy', counters);
    this.#registry.add('proxy.relay', zmqCounters);
    this.#registry.add('log', log.counters);
    this.#registry.add('access', accessLog.counters);
    this.#accessLog = accessLog;
    this.#traces = new Traces({ trace: this.#config.trace, wheel: this.#wheel, log });
    this.#traces.register(this.#registry);
    this.#proxy = new ProxyRole({
      config: this.#config,
      wheel: this.#wheel,
      log,
      counters,
      frontCounters: { zhttp: new SessionCounters(), zmq: zmqCounters },
      originCounters: { zhttp: new SessionCounters(), zmq: zmqCounters },
      routeStats: this.#routeStats,
      tracing: this.#traces.of('server'),
      idPrefix: job.idPrefix,
      observer: accessLog.observers.of('proxy'),
      certificates: this.#certificates,
    });
    const context = { wheel: this.#wheel, counters: zmqCounters, log };
    this.#link = new HubLink(context, channel as Socket, this.#proxy.hub, () => this.#proxy.drainHub());
    const { history } = this.#proxy.hub;
    history.source = this.#link.history;
    history.rules = channelRules(this.#config);
    this.#moving = new MovingWorkerClients(this.#proxy, this.#link, { counters, log }, tellMoving);
  }

  /** @throws Error when an address cannot be bound, or a key or a certificate cannot be used */
  async start(): Promise<readonly string[]> {
    checkIdentities(this.#config.server, this.#log);
    const snapshots = this.#proxy.prepare();
    if (this.#config.stats.pub.length > 0) this.#report(snapshots);
    await this.#link.ready();
    await this.#proxy.start();
    if (this.#config.cluster.nats.length > 0) await this.#shareStreams();
    return this.#proxy.addresses;
  }

  /** The main process is the node; its workers write and read streams by connections of their own. */
  async #shareStreams(): Promise<void> {
    const connect = () => connectBroker(this.#config, this.#log);
    const counters = new ClusterCounters();
    this.#registry.add('cluster', counters);
    await this.#proxy.shareStreams({ counters, connect, ownsBroker: true }).begin(this.#config);
  }

  /** Reports what happens here, through the main process. */
  #report(snapshots: Current<Snapshot>): void {
    const link = this.#link;
    const socket = {
      get idle() {
        return link.statsIdle;
      },
      send: (packet: Buffer) => link.sendStats(packet),
    };
    this.#reporter = statsReporter(this.#config, {
      hub: this.#proxy.hub,
      counters: this.#counters,
      routes: this.#routeStats,
      routeIds: () => snapshots.current.routeIds,
      blockSize: () => this.#proxy.hubLimits.current.messageBlockSize,
      log: this.#log,
      socket,
    });
    this.#proxy.hub.observe(this.#reporter);
  }

  get clients(): ClientView {
    return this.#proxy.clients;
  }

  move(order: MovingOrder, handle: SocketHandle | undefined): void {
    this.#moving.onOrder(order, handle);
  }

  retire(): void {
    this.#proxy.retire();
  }

  dismiss(time: number): void {
    this.#proxy.dismiss(time);
  }

  async prepareChange(parts: readonly ChangePart[]): Promise<PreparedCertificates> {
    const next = appliedParts(this.#current, parts);
    const prepared = new PreparedParts();
    await prepared.add(() => this.#accessLog.prepare(next.config.accessLog));
    const { changes } = await prepared.add(() => this.#certificates.prepare(next.certificates));
    await prepared.add(() => this.#prepareRouting(parts, next.config));
    return {
      changes,
      commit: () => {
        this.#current = next;
        prepared.commit();
        this.#proxy.hub.history.rules = channelRules(next.config);
        this.#traces.use(next.config.trace);
        this.#log.setLevel(next.config.log.level);
      },
      discard: () => prepared.discard(),
    };
  }

  #prepareRouting(parts: readonly ChangePart[], config: Config): Promise<Prepared> | Prepared {
    const [first] = parts;
    if (first?.kind === 'put') return this.#proxy.preparePut(first.route);
    if (first?.kind === 'remove') return this.#proxy.prepareRemove(first.id);
    return first?.kind === 'whole' ? this.#proxy.prepareChange(shareOf(config)) : NOTHING;
  }

  /** The hub drains when the main process says that no items come any more. */
  drain(): void {
    this.#proxy.drain();
  }

  whenEmpty(): Promise<void> {
    return this.#proxy.whenEmpty();
  }

  async stop(): Promise<void> {
    this.#reporter?.stop();
    await Promise.all([this.#proxy.stop(), this.#link.close()]);
    await this.#traces.close();
    this.#wheel.stop();
  }

  get counters(): CounterSnapshot {
    return this.#registry.snapshot();
  }

  get metrics(): ProxyMetrics {
    return this.#proxy.metrics;
  }
}

/** What a worker uses. */
interface InUse {
  /** Of all processes together. */
  readonly config: Config;
  readonly certificates: CertificatePairs;
}

function appliedParts(current: InUse, parts: readonly ChangePart[]): InUse {
  let { config, certificates } = current;
  for (const part of parts) {
    if (part.kind === 'whole') ({ config, certificates } = part);
    else if (part.kind === 'certificates') ({ certificates } = part);
    else if (part.kind === 'put') config = withRoute(config, part.route);
    else if (part.kind === 'remove') config = withoutRoute(config, part.id);
  }
  const routes = parts.flatMap((part) => (part.kind === 'routes' ? part.routes : []));
  return { config: routes.length > 0 ? { ...config, routes } : config, certificates };
}

const NOTHING: Prepared = { commit: () => {}, discard: () => {} };

/** The share of one process in what a configuration allows all of them. */
function shareOf(config: Config): Config {
  const { workers } = config.server;
  const share = (total: number): number => Math.ceil(total / workers);
  return {
    ...config,
    server: { ...config.server, maxConnections: share(config.server.maxConnections) },
    hub: {
      ...config.hub,
      messageRate: share(config.hub.messageRate),
      messageHwm: share(config.hub.messageHwm),
    },
  };
}
