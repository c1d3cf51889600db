import type { Guarded, TimerWheel } from '../clock/index.ts';
import { type ClusterCounters, type Log, reportFault } from '../exchange/index.ts';
import type { HistoryCounters } from '../history/index.ts';
import type {
  ChannelRules,
  ChannelWatcher,
  FromNodes,
  OtherNodes,
  PresenceSource,
  PresenceTable,
} from '../hub/index.ts';
import { Broker, type BrokerOptions } from './broker.ts';
import { ChannelFeed } from './channel-feed.ts';
import type { NodeFacts } from './heartbeat.ts';
import { inTime } from './in-time.ts';
import { ItemLink } from './item-link.ts';
import { NodeCalls } from './node-calls.ts';
import { type NodeName, nodeName } from './node-name.ts';
import { NodeRegistry } from './node-registry.ts';
import { ClusterPresence } from './presence/cluster-presence.ts';
import { SharedKeys } from './shared-keys.ts';
import { SpokenProtocol } from './spoken-protocol.ts';
import { JetStreamStore } from './store/jetstream-store.ts';
import { Subjects } from './subjects.ts';

/** Milliseconds that a node which starts waits until the stream knows its rules. */
const RULES_MS = 5_000;

/** The clients of this node, where the items of the cluster go. */
export interface NodeClients {
  readonly fromNodes: FromNodes;
  /** What is kept of their channels. */
  readonly rules: Pick<ChannelRules, 'largest'>;
  /** Something may have been lost while the broker was away. */
  catchUp(): void;
  watchChannels(watcher: ChannelWatcher): void;
  unwatchChannels(watcher: ChannelWatcher): void;
}

/** What a node is made of. */
export interface ClusterNodeOptions {
  readonly broker: Omit<BrokerOptions, 'name' | 'log'>;
  readonly prefix: string;
  /** Name of the node; empty for that of the host. */
  readonly node: string;
  readonly replicas: number;
  /** Bytes of all items that are kept. */
  readonly maxBytes: number;
  /** What publishers get while the broker is away: they are refused, or their items go to the clients of this node alone. */
  readonly onPartition: 'refuse' | 'local';
  readonly wheel: TimerWheel;
  readonly log: Log;
  readonly counters: ClusterCounters;
  readonly historyCounters: HistoryCounters;
  readonly clients: NodeClients;
  /** Of the program. */
  readonly version: string;
  /** What this node tells the others of itself, now. */
  readonly facts: () => NodeFacts;
}

/** The parts of a node that need its broker to be made. */
interface NodeParts {
  readonly name: NodeName;
  readonly broker: Broker;
  readonly subjects: Subjects;
  readonly store: JetStreamStore;
  readonly keys: SharedKeys;
  readonly registry: NodeRegistry;
  readonly protocol: SpokenProtocol;
}

/** This process as a node of a cluster. */
export class ClusterNode implements Guarded {
  readonly name: NodeName;
  readonly broker: Broker;
  readonly others: OtherNodes;
  readonly store: JetStreamStore;
  /** Idempotency keys of all nodes. */
  readonly keys: SharedKeys;
  /** The nodes of the cluster. */
  readonly registry: NodeRegistry;
  /** Questions to other nodes, and theirs. */
  readonly calls: NodeCalls;
  readonly #options: ClusterNodeOptions;
  readonly #feed: ChannelFeed;
  readonly #subjects: Subjects;
  #presence: ClusterPresence | null = null;

  private constructor(options: ClusterNodeOptions, parts: NodeParts) {
    const { wheel, log, counters, clients } = options;
    const { name, broker, subjects, store, keys, registry, protocol } = parts;
    this.#options = options;
    this.name = name;
    this.broker = broker;
    this.store = store;
    this.keys = keys;
    this.#subjects = subjects;
    const means = { broker, subjects, self: name, wheel, counters, log };
    this.registry = registry;
    registry.watch(protocol);
    this.calls = new NodeCalls({ ...means, registry });
    const alone = options.onPartition === 'local' ? 'node' : 'none';
    const link = new ItemLink({
      ...means,
      protocol,
      receive: (items) => clients.fromNodes.receive(items),
      reach: () => (store.isAway ? alone : 'all'),
    });
    this.others = link;
    this.#feed = new ChannelFeed(
      broker,
      subjects,
      {
        onItem: (channel, item) => link.take(channel, item),
        onKept: (channel, item, message) => store.onKept(channel, item, message),
        mark: (marked) => store.mark(marked),
      },
      { wheel, counters, log, owner: this },
    );
    store.feed = this.#feed;
    store.onLost = (channel, from) => clients.fromNodes.lost(channel, from);
    store.onBack = () => {
      clients.catchUp();
      clients.fromNodes.pump();
    };
    store.onStalled = () => clients.fromNodes.onAway();
    // What such a node has appended may have got lost, and nobody announces it.
    registry.watch({ nodeCame: () => store.doubt(), nodeGone: () => store.doubt() });
    broker.watch({
      onDown: () => {
        counters.partitions++;
        clients.fromNodes.onAway();
      },
      onUp: () => this.#feed.restart(),
      onTaken: () => clients.fromNodes.pump(),
    });
  }

  /** Connects to the broker, and makes the stream if there is none. @throws BrokerError */
  static async start(options: ClusterNodeOptions): Promise<ClusterNode> {
    const { log, prefix, replicas, maxBytes, onPartition, wheel, historyCounters, counters, clients } = options;
    const name = nodeName(options.node);
    const broker = await Broker.connect({ ...options.broker, name: name.name, log, onPartition });
    try {
      const subjects = new Subjects(prefix);
      const self = { broker, subjects, self: name, wheel, counters, log };
      const registry = new NodeRegistry({ ...self, version: options.version, facts: options.facts });
      const protocol = new SpokenProtocol(registry, () => wheel.now);
      const settings = { replicas, maxBytes, largest: () => clients.rules.largest };
      const owner = { onFault: (thrown: unknown) => void reportFault(options, thrown) };
      const means = { wheel, log, counters: historyCounters, clusterCounters: counters, owner };
      const store = await JetStreamStore.open({ broker, subjects, protocol, settings, ...means });
      const keys = await SharedKeys.open({ broker, subjects, replicas, counters, log });
      log.info({ node: name.name, id: name.id, broker: broker.server, epoch: store.epoch }, 'cluster joined');
      return new ClusterNode(options, { name, broker, subjects, store, keys, registry, protocol });
    } catch (error) {
      await broker.close();
      throw error;
    }
  }

  /** Subscribes to the channels of the clients, and is one of the nodes, from now on. Resolves when clients may come. */
  async follow(): Promise<void> {
    this.calls.start();
    this.registry.start();
    this.#options.clients.watchChannels(this.#feed);
    // One that came before would begin where the rules of the stream may not have begun, and be told of a gap.
    await inTime(this.store.ready(), RULES_MS, this.broker.abandon);
  }

  /** Subscribes to a channel or pattern, whether a client here has it or not, until the result is called. @param key as `subscriptionKey` */
  look(key: string): () => void {
    return this.#feed.look(key);
  }

  /** Whether this node publishes who comes to channels and leaves them: one node does. */
  get leadsPresence(): boolean {
    return this.#presence?.isLeader ?? false;
  }

  /** The table has the users of all nodes from now on. @param source whose clients those of this node are @throws BrokerError */
  async countUsers(table: PresenceTable, source: PresenceSource): Promise<void> {
    const { broker, name, registry } = this;
    const { replicas, wheel, counters, log } = this.#options;
    const means = { broker, subjects: this.#subjects, registry, replicas, wheel, counters, log };
    this.#presence = await ClusterPresence.start({ ...means, self: name.id }, table, source);
  }

  /** All clients of this node have left. */
  async clientsLeft(): Promise<void> {
    await this.#presence?.stop();
  }

  async stop(): Promise<void> {
    this.#options.clients.unwatchChannels(this.#feed);
    this.registry.stop();
    this.calls.stop();
    await this.broker.close();
  }

  onFault(thrown: unknown): void {
    reportFault(this.#options, thrown);
  }
}
