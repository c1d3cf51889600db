import type { TimerWheel } from '../clock/index.ts';
import { type Config, formatConfig } from '../config/index.ts';
import type { CounterRegistry, Counters, Current, Log } from '../exchange/index.ts';
import type { HubLimits } from '../hub/index.ts';
import { HubRelay } from '../hub-relay/index.ts';
import type { ZmqCounters } from '../zmq/index.ts';
import { PooledRole } from './pooled-role.ts';
import { MetricsSum, type ProxyMetrics } from './proxy-metrics.ts';
import type { ProxyJob } from './worker-messages.ts';
import { WorkerPool, type WorkerWatch } from './worker-pool.ts';

/** What a proxy of several processes is made of. */
export interface ProxyWorkersOptions {
  readonly config: Config;
  readonly wheel: TimerWheel;
  readonly counters: Counters;
  readonly zmqCounters: ZmqCounters;
  /** Takes what the processes count. */
  readonly registry: CounterRegistry;
  readonly watch: WorkerWatch;
  /** Whether the processes watch themselves for the metrics. */
  readonly watched: boolean;
  readonly limits: Current<HubLimits>;
  readonly logFile: string | null;
  readonly log: Log;
}

/** The proxy in several processes, which have the clients. What is published comes to this one, and goes to those that have its channel. */
export class ProxyWorkers extends PooledRole<ProxyJob> {
  /** Takes what is published. */
  readonly relay: HubRelay;
  protected readonly pool: WorkerPool<ProxyJob>;
  readonly #metrics = new MetricsSum();
  /** The configuration in force. */
  #text: string;

  constructor(options: ProxyWorkersOptions) {
    super();
    const { config, registry, counters, log, logFile, watch, watched } = options;
    this.relay = new HubRelay(options);
    this.#text = formatConfig(config);
    let started = 0;
    this.pool = new WorkerPool<ProxyJob>({
      count: config.server.workers,
      channels: 1,
      listen: config.server.listen,
      job: () => ({
        role: 'proxy',
        config: this.#text,
        logLevel: config.log.level,
        logFile,
        accessLog: config.accessLog,
        watched,
        // Each process so far has one of its own: publishers ask for connections by their ids.
        idPrefix: `${++started}.`,
        relayed: ['items'],
      }),
      onStarted: ({ idPrefix }, [socket]) => {
        if (socket !== undefined) this.relay.add(idPrefix, socket);
      },
      onEnded: ({ idPrefix }) => this.relay.remove(idPrefix),
      registry,
      metrics: this.#metrics,
      watch,
      counters,
      log,
    });
  }

  /** The metrics of all processes. What waits in this one counts too. */
  get metrics(): ProxyMetrics {
    const { hub, ...rest } = this.#metrics.total;
    return { ...rest, hub: { ...hub, publishers: hub.publishers + this.relay.publishers } };
  }

  /**
   * Starts the processes.
   * @throws Error when one cannot start
   */
  start(): Promise<void> {
    return this.pool.start();
  }

  /** Checks a configuration that is to replace the one in force. The result tells the processes. @throws Error for one that they cannot use */
  prepareReconfigure(config: Config): () => void {
    const text = formatConfig(config);
    return () => {
      this.#text = text;
      this.pool.order({ order: 'reconfigure', config: text }, true);
    };
  }

  reopenLog(): void {
    this.pool.order({ order: 'reopen log' });
  }

  async stop(): Promise<void> {
    await this.pool.stop();
    await this.relay.close();
  }
}
