import type { TimerWheel } from '../clock/index.ts';
import type { Broker, SharedStreams } from '../cluster/index.ts';
import type { Config } from '../config/index.ts';
import type { ClusterCounters, Log } from '../exchange/index.ts';
import type { StreamPlaces } from './stream-places.ts';

/** Seconds that the broker keeps streams longer than a node. */
const LONGER = 60;

/** Milliseconds after which sharing is tried again that has failed. */
const AGAIN = 5_000;

/** Milliseconds for which a process that starts waits for a broker that may be away. */
const BEGIN = 5_000;

/** Milliseconds for which a process that stops waits until the broker has what it has written. */
const FLUSH = 1_000;

/** What the sharing of streams is made of. */
export interface StreamSharingOptions {
  readonly places: StreamPlaces;
  readonly wheel: TimerWheel;
  readonly log: Log;
  readonly counters: ClusterCounters;
  /** Connects to the broker of the cluster. Called when a route lets clients resume streams. */
  readonly connect: () => Promise<Broker>;
  /** Whether nobody else uses that connection. */
  readonly ownsBroker: boolean;
}

/** Shares the resumable streams of this process with the other nodes of a cluster, as soon as a route lets clients resume some. */
export class StreamSharing {
  readonly #options: StreamSharingOptions;
  #broker: Broker | null = null;
  #shared: SharedStreams | null = null;
  #stopped = false;
  /** Uses of configurations, one after the other. */
  #uses: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: StreamSharingOptions) {
    this.#options = options;
  }

  /** Whether streams are shared. */
  get active(): boolean {
    return this.#shared !== null;
  }

  /** Uses a configuration. @throws BrokerError when the broker cannot be used */
  async use(config: Config): Promise<void> {
    const use = this.#uses.then(() => this.#use(config));
    this.#uses = use.catch(() => {});
    await use;
  }

  /** As `follow`. Resolves after 5 s at the latest: a worker process that takes too long to start is ended, with the clients that it has by then. */
  async begin(config: Config): Promise<void> {
    await Promise.race([this.follow(config), passed(BEGIN)]);
  }

  /** Uses a configuration as soon as the broker can be used. Resolves when it was tried once. */
  async follow(config: Config): Promise<void> {
    clearTimeout(this.#timer);
    try {
      await this.use(config);
    } catch (error) {
      this.#options.log.warn({ reason: (error as Error).message }, 'streams are not shared with other nodes yet');
      if (this.#stopped) return;
      this.#timer = setTimeout(() => void this.follow(config), AGAIN);
      this.#timer.unref();
    }
  }

  /** What was written stays at the broker, and other nodes are told that streams which have not ended are cut off. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#shared?.stop();
    const broker = this.#broker;
    if (broker === null) return;
    // If the broker goes away meanwhile, the rest is lost for other nodes.
    if (broker.up) await Promise.race([broker.flushed().catch(() => {}), passed(FLUSH)]);
    if (this.#options.ownsBroker) await broker.close();
  }

  async #use({ cluster, proxy, routes }: Config): Promise<void> {
    const ttls = routes.flatMap(({ resume }) => (resume === null ? [] : [resume.ttl]));
    if (ttls.length === 0 || this.#stopped) return;
    const maxAge = ttls.reduce((most, ttl) => Math.max(most, ttl)) + LONGER;
    const { resumeMaxBytes: maxBytes } = proxy;
    if (this.#shared !== null) {
      await this.#shared.setLimits(maxBytes, maxAge);
      return;
    }
    const { places, connect, ownsBroker, ...means } = this.#options;
    this.#broker ??= await connect();
    if (this.#stopped) {
      // Nobody else would: it was not there yet when this was stopped.
      if (ownsBroker) await this.#broker.close();
      return;
    }
    const { SharedStreams: Shared } = await import('../cluster/index.ts');
    const { prefix, replicas } = cluster;
    const { streams } = places;
    const settings = { prefix, replicas, maxBytes, maxAge };
    const shared = await Shared.start({ ...means, ...settings, streams, broker: this.#broker });
    this.#shared = shared;
    if (this.#stopped) shared.stop();
    else places.shared = shared.service;
  }
}

function passed(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds).unref());
}
