import type { Config } from '../config/index.ts';
import type { CounterRegistry } from '../exchange/index.ts';
import { type HandlerLinkSink, LinkRelay, type RelayTarget } from '../zhttp-client/index.ts';
import type { CertificatePairs } from './certificates.ts';
import { ChangeParts } from './change-parts.ts';
import { type EdgeContext, ZmqEdgeLinks } from './edge-links.ts';
import { newIdPrefix } from './edge-role.ts';
import type { LogLevel } from './logger.ts';
import type { PreparedWorkers } from './pool-changes.ts';
import { PooledRole } from './pooled-role.ts';
import type { EdgeJob } from './worker-messages.ts';
import { WorkerPool, type WorkerWatch } from './worker-pool.ts';
import { zhttpAddress } from './zhttp-address.ts';

/** What an edge of several processes is made of. */
export interface EdgeWorkersOptions extends EdgeContext {
  readonly edge: Config['edge'];
  readonly logLevel: LogLevel;
  readonly accessLog: Config['accessLog'];
  readonly trace: Config['trace'];
  readonly certificates: CertificatePairs;
  /** Takes what the processes count. */
  readonly registry: CounterRegistry;
  readonly watch: WorkerWatch;
  /** Whether the processes watch themselves for the metrics. */
  readonly watched: boolean;
}

/** What the processes of an edge are told when it changes. */
interface EdgeInForce {
  readonly edge: Config['edge'];
  readonly logLevel: LogLevel;
  readonly accessLog: Config['accessLog'];
  readonly trace: Config['trace'];
  readonly certificates: CertificatePairs;
}

/**
 * The edge in several processes. They share the ZeroMQ endpoints that the main process binds; where they are told to connect to handlers,
 * each has connections of its own.
 */
export class EdgeWorkers extends PooledRole<EdgeJob> {
  /** Those of this process; where each worker has its own, none are open. */
  readonly links: ZmqEdgeLinks;
  readonly #relays = new Map<'stream' | 'req', LinkRelay>();
  protected readonly pool: WorkerPool<EdgeJob>;
  /** What is in force. */
  #inForce: EdgeInForce;

  constructor(options: EdgeWorkersOptions) {
    super();
    const { edge, logLevel, accessLog, trace, certificates, log, registry, counters, zmqCounters, watch, watched } =
      options;
    this.#inForce = { edge, logLevel, accessLog, trace, certificates };
    const modes = (['stream', 'req'] as const).filter((mode) => edge.listen.some((listener) => listener.mode === mode));
    const relayed = edge.zclientConnect ? [] : modes;
    // A process speaks for the sessions of those that were in its place before.
    const families = Array.from({ length: edge.workers }, newIdPrefix);
    let started = 0;
    this.pool = new WorkerPool({
      count: edge.workers,
      channels: relayed.length,
      listen: edge.listen.map(({ address }) => address),
      job: (place): EdgeJob => {
        const { edge: now, ...others } = this.#inForce;
        const own = relayed.length > 0 ? now : { ...now, id: `${edge.id}-${place + 1}` };
        return {
          role: 'edge',
          edge: own,
          ...others,
          logFile: null,
          watched,
          idPrefix: `${families[place]}.${started++}`,
          relayed,
        };
      },
      whole: () => ChangeParts.of({ kind: 'edge', ...this.#inForce }),
      onStarted: ({ idPrefix }, sockets) => {
        for (const [i, mode] of relayed.entries()) {
          const socket = sockets[i];
          if (socket !== undefined) this.#relays.get(mode)?.add(idPrefix, socket);
        }
      },
      onEnded: ({ idPrefix }) => {
        for (const relay of this.#relays.values()) relay.remove(idPrefix);
      },
      registry,
      watch,
      counters,
      log,
    });
    const relay = {
      address: zhttpAddress(edge.id),
      context: { wheel: options.wheel, counters: zmqCounters, log },
      counters,
      log,
    };
    this.links = new ZmqEdgeLinks(edge, options);
    for (const mode of relayed) this.#relays.set(mode, new LinkRelay(relay, (sink) => this.#open(mode, sink)));
  }

  /** Handlers are connected to this process until it ends. */
  readonly relayed = false;

  #open(mode: 'stream' | 'req', sink: HandlerLinkSink): RelayTarget {
    return mode === 'stream' ? this.links.openStream(sink) : this.links.openReq(sink);
  }

  /**
   * Opens the endpoints, and starts the processes.
   * @throws Error when an address or an endpoint cannot be used
   */
  async start(): Promise<void> {
    if (this.#relays.size > 0) await this.links.ready();
    await this.pool.start();
  }

  /**
   * Has the processes prepare another section. What tells them from each other, they keep.
   * @throws Error when one of them cannot use it; then none does
   */
  async prepareChange(next: EdgeInForce): Promise<PreparedWorkers> {
    const prepared = await this.pool.prepareChange(ChangeParts.of({ kind: 'edge', ...next }));
    return {
      ...prepared,
      commit: () => {
        this.#inForce = next;
        prepared.commit();
      },
    };
  }

  async stop(): Promise<void> {
    await this.pool.stop();
    await Promise.all([...this.#relays.values()].map((relay) => relay.close()));
  }
}
