import type { Guarded, TimerWheel } from '../clock/index.ts';
import type { Config } from '../config/index.ts';
import { metricsService } from '../control/index.ts';
import {
  type ControlCounters,
  type CounterRegistry,
  type Counters,
  type Holder,
  type Log,
  type RouteStatsTable,
  reportFault,
} from '../exchange/index.ts';
import { HttpServer } from '../server/index.ts';
import { StatsPublisher, type StatsReporter } from '../stats/index.ts';
import { PubSocket, ZmqCounters } from '../zmq/index.ts';
import type { ProxyRole } from './proxy-role.ts';
import type { ProxyWorkers } from './proxy-workers.ts';
import { type PushpinCounts, PushpinMetrics } from './pushpin-metrics.ts';
import type { Snapshot } from './snapshot.ts';
import { statsReporter } from './stats-reporter-of.ts';

/** What the statistics are made of. */
export interface StatsRoleOptions {
  readonly config: Config;
  readonly proxy: ProxyRole;
  /** Where worker processes have the clients; null otherwise. */
  readonly workers: ProxyWorkers | null;
  readonly counters: Counters;
  /** Counts those who read the metrics. */
  readonly controlCounters: ControlCounters;
  readonly routeStats: RouteStatsTable;
  readonly registry: CounterRegistry;
  readonly snapshots: Holder<Snapshot>;
  readonly wheel: TimerWheel;
  readonly log: Log;
}

/** Statistics as Pushpin has them: its metrics, and packets. */
export class StatsRole implements Guarded {
  /** Where Prometheus gets Pushpin's metrics. */
  readonly addresses: string[] = [];
  /** Where packets are published. */
  readonly endpoints: string[] = [];
  readonly #options: StatsRoleOptions;
  #server: HttpServer | null = null;
  #metrics: PushpinMetrics | null = null;
  #reporter: StatsReporter | null = null;
  #socket: PubSocket | null = null;

  constructor(options: StatsRoleOptions) {
    this.#options = options;
  }

  /** @throws Error when an address or an endpoint cannot be bound */
  async start(): Promise<void> {
    const { stats } = this.#options.config;
    if (stats.pub.length > 0) await this.#startPackets();
    if (stats.prometheus.length > 0) await this.#startMetrics();
  }

  /** Ends the packets. */
  async stop(): Promise<void> {
    this.#metrics?.stop();
    this.#reporter?.stop();
    await this.#socket?.close();
  }

  /** Cuts off who reads the metrics. */
  destroy(): void {
    this.#server?.destroy();
  }

  async whenEmpty(): Promise<void> {
    await this.#server?.whenEmpty();
  }

  onFault(thrown: unknown): void {
    reportFault(this.#options, thrown);
  }

  async #startMetrics(): Promise<void> {
    const { config, controlCounters: counters, snapshots, wheel, log } = this.#options;
    const metrics = new PushpinMetrics(() => this.#totals, config.stats.prometheusPrefix, this);
    this.#metrics = metrics;
    this.#server = new HttpServer({
      wheel,
      log,
      counters,
      service: metricsService(() => metrics.text),
      endsUnheard: true,
      limits: snapshots.part(({ controlServer }) => controlServer),
    });
    for (const address of config.stats.prometheus) this.addresses.push((await this.#server.listen(address)).address);
  }

  async #startPackets(): Promise<void> {
    const { config, proxy, workers, counters, routeStats: routes, registry, snapshots, wheel, log } = this.#options;
    const zmqCounters = new ZmqCounters();
    registry.add('stats.zmq', zmqCounters);
    const socket = new PubSocket({ wheel, counters: zmqCounters, log }, { ipcMode: config.stats.ipcFileMode });
    this.#socket = socket;
    for (const endpoint of config.stats.pub) this.endpoints.push(await socket.bind(endpoint));
    const publisher = new StatsPublisher(socket);
    // Where workers have the clients, this process has items to report, and no client.
    this.#reporter = statsReporter(config, {
      hub: proxy.hub,
      counters,
      routes,
      routeIds: () => snapshots.current.routeIds,
      blockSize: () => proxy.hubLimits.current.messageBlockSize,
      log,
      socket: publisher,
    });
    if (workers === null) proxy.hub.observe(this.#reporter);
    else workers.relay.stats = publisher;
  }

  /** The proxy's counters, of all processes. */
  get #totals(): PushpinCounts {
    const { workers, counters, registry } = this.#options;
    return workers === null ? counters : (registry.snapshot().proxy as unknown as PushpinCounts);
  }
}
