import type { Socket } from 'node:net';
import { TimerWheel } from '../clock/index.ts';
import { type Config, loadConfig } from '../config/index.ts';
import { CounterRegistry, type CounterSnapshot, Counters, type Current, RouteStatsTable } from '../exchange/index.ts';
import { HubLink } from '../hub-relay/index.ts';
import type { StatsReporter } from '../stats/index.ts';
import { SessionCounters } from '../zhttp/index.ts';
import { ZmqCounters } from '../zmq/index.ts';
import type { AccessLogs } from './access-logs.ts';
import type { ProcessLog } from './logger.ts';
import type { ProxyMetrics } from './proxy-metrics.ts';
import { ProxyRole } from './proxy-role.ts';
import type { Snapshot } from './snapshot.ts';
import { statsReporter } from './stats-reporter-of.ts';
import { checkIdentities } from './tls-listener.ts';
import { Traces } from './traces.ts';
import type { ProxyJob } from './worker-messages.ts';
import type { WorkerRole } from './worker-role.ts';

/** The proxy and its hub in one of several processes. */
export class ProxyWorker implements WorkerRole {
  readonly #registry = new CounterRegistry();
  readonly #wheel = new TimerWheel();
  readonly #config: Config;
  readonly #log: ProcessLog;
  readonly #accessLog: AccessLogs;
  readonly #traces: Traces;
  readonly #proxy: ProxyRole;
  readonly #link: HubLink;
  readonly #counters = new Counters();
  readonly #routeStats = new RouteStatsTable();
  #reporter: StatsReporter | null = null;

  /** @param channels the way of items from the main process */
  constructor(job: ProxyJob, [channel]: readonly Socket[], log: ProcessLog, accessLog: AccessLogs) {
    const counters = this.#counters;
    const zmqCounters = new ZmqCounters();
    this.#config = shareOf(job.config);
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
    });
    const context = { wheel: this.#wheel, counters: zmqCounters, log };
    this.#link = new HubLink(context, channel as Socket, this.#proxy.hub, () => this.#proxy.drainHub());
  }

  /** @throws Error when an address cannot be bound, or a key or a certificate cannot be used */
  async start(): Promise<readonly string[]> {
    checkIdentities(this.#config.server, this.#log);
    const snapshots = this.#proxy.prepare();
    if (this.#config.stats.pub.length > 0) this.#report(snapshots);
    await this.#link.ready();
    await this.#proxy.start();
    return this.#proxy.addresses;
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

  reconfigure(config: string): void {
    const changed = shareOf(config);
    this.#accessLog.check(changed.accessLog);
    this.#proxy.reconfigure(changed);
    this.#accessLog.use(changed.accessLog);
    this.#traces.use(changed.trace);
  }

  closeConnection(id: string): boolean {
    return this.#proxy.closeConnection(id);
  }

  retire(): void {
    this.#proxy.retire();
  }

  dismiss(time: number): void {
    this.#proxy.dismiss(time);
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

/** The share of one process in what a configuration allows all of them. */
function shareOf(text: string): Config {
  const config = loadConfig(text, '');
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
