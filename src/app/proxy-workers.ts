import type { TimerWheel } from '../clock/index.ts';
import type { Config } from '../config/index.ts';
import type { CounterRegistry, Counters, Current, Log } from '../exchange/index.ts';
import type { HubLimits, PresenceTable } from '../hub/index.ts';
import { HubRelay } from '../hub-relay/index.ts';
import type { ZmqCounters } from '../zmq/index.ts';
import type { CertificatePairs } from './certificates.ts';
import { ChangeParts, encodeValue } from './change-parts.ts';
import { idFamily } from './id-family.ts';
import type { PreparedWorkers } from './pool-changes.ts';
import { PooledRole } from './pooled-role.ts';
import { MetricsSum, type ProxyMetrics } from './proxy-metrics.ts';
import type { SocketHandle } from './upgrade/upgrade-channel.ts';
import type { MovingOrder } from './upgrade/upgrade-messages.ts';
import type { ClientProcesses } from './upgrade/worker-clients.ts';
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
  readonly presence: PresenceTable;
  readonly logFile: string | null;
  readonly certificates: CertificatePairs;
  /** Whether this process takes the place of another one. */
  readonly replaces: boolean;
  readonly log: Log;
}

/** The proxy in several processes, which have the clients. What is published comes to this one, and goes to those that have its channel. */
export class ProxyWorkers extends PooledRole<ProxyJob> implements ClientProcesses {
  /** Takes what is published. */
  readonly relay: HubRelay;
  protected readonly pool: WorkerPool<ProxyJob>;
  readonly #metrics = new MetricsSum();
  mover: ClientProcesses['mover'] = { onReport: ignore, onEnded: ignore };
  /** What is in force. */
  #config: Config;
  #certificates: CertificatePairs;

  constructor(options: ProxyWorkersOptions) {
    super();
    const { config, registry, counters, log, logFile, watch, watched } = options;
    this.relay = new HubRelay(options);
    this.#config = config;
    this.#certificates = options.certificates;
    let started = 0;
    const family = idFamily(config, options.replaces);
    this.pool = new WorkerPool<ProxyJob>({
      count: config.server.workers,
      channels: 1,
      listen: config.server.listen,
      job: () => ({
        role: 'proxy',
        config: encodeValue(this.#config),
        certificates: this.#certificates,
        logLevel: this.#config.log.level,
        logFile,
        accessLog: config.accessLog,
        watched,
        // Each process so far has one of its own: publishers ask for connections by their ids, and connections that move keep these.
        idPrefix: `${family}${++started}.`,
        relayed: ['items'],
      }),
      whole: () => ChangeParts.whole(this.#config, this.#certificates),
      onStarted: ({ idPrefix }, [socket]) => {
        if (socket !== undefined) this.relay.add(idPrefix, socket);
      },
      onEnded: ({ idPrefix }) => {
        this.relay.remove(idPrefix);
        this.mover.onEnded(idPrefix);
      },
      onMoving: ({ idPrefix }, report, handle) => this.mover.onReport(idPrefix, report, handle),
      registry,
      metrics: this.#metrics,
      watch,
      counters,
      log,
    });
  }

  /** The prefixes of the processes that serve, which are their names in the relay too. */
  get serving(): readonly string[] {
    return this.pool.serving.map(({ idPrefix }) => idPrefix);
  }

  move(name: string, order: MovingOrder, handle?: SocketHandle, onSent?: () => void): void {
    this.pool.move(name, order, handle, onSent);
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

  /**
   * Has the processes prepare a change.
   * @param config with it
   * @throws Error when one of them cannot use it; then none does
   */
  async prepareChange(parts: ChangeParts, config: Config, certificates: CertificatePairs): Promise<PreparedWorkers> {
    const prepared = await this.pool.prepareChange(parts);
    return {
      ...prepared,
      commit: () => {
        this.#config = config;
        this.#certificates = certificates;
        prepared.commit();
      },
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

function ignore(): void {}
