import { attempt, guarded, type TimerWheel, WheelTimer } from '../clock/index.ts';
import { type ClusterCounters, LineRate, type Log, reportFault } from '../exchange/index.ts';
import type { Broker, BrokerMessage, BrokerWatcher } from './broker.ts';
import { encodeHeartbeat, type Heartbeat, heartbeatOf, type NodeFacts } from './heartbeat.ts';
import { OLDEST_PROTOCOL, PROTOCOL } from './item-message.ts';
import type { NodeName } from './node-name.ts';
import { NodeRates } from './node-rates.ts';
import type { Subjects } from './subjects.ts';

/** Milliseconds from one heartbeat to the next: from the first to the sum of both, so that nodes do not send all at once. */
const HEARTBEAT_MS = 900;
const SPREAD_MS = 200;

/** Milliseconds after which a node that was not heard of is gone. */
const SILENCE_MS = 5_000;

/** Milliseconds that a turn of this process may be late. Beyond that it was stopped or stuck, and has not read what others have sent. */
const LATE_MS = 1_000;

/**
 * Other nodes that a node knows. Each takes a few hundred bytes.
 * @bound cluster-nodes
 */
export const MAX_NODES = 1_000;

/** The part of the broker that nodes use to know each other. */
export type NodeBroker = Pick<Broker, 'maxPayload' | 'publish' | 'subscribe' | 'up' | 'watch'>;

/** A node of the cluster. */
export interface KnownNode {
  readonly id: string;
  /** Two nodes may have the same one. */
  readonly name: string;
  readonly version: string;
  readonly protocol: number;
  /** Milliseconds of its clock since 1970. */
  readonly started: number;
  /** Null for a node whose protocol is not understood here. */
  readonly facts: NodeFacts | null;
  /** Items a second; null where that is not known yet. */
  readonly rates: NodeRates['perSecond'];
  /** Milliseconds since it was heard of; null for this node itself. */
  readonly silent: number | null;
}

/** Hears of other nodes. */
export interface NodeWatcher {
  nodeCame(id: string): void;
  nodeGone(id: string): void;
}

/** What a registry is made of. */
export interface NodeRegistryOptions {
  readonly broker: NodeBroker;
  readonly subjects: Subjects;
  readonly self: NodeName;
  /** Of the program. */
  readonly version: string;
  /** What this node says of itself, now. */
  readonly facts: () => NodeFacts;
  readonly wheel: TimerWheel;
  readonly counters: ClusterCounters;
  readonly log: Log;
}

/** Another node. */
interface OtherNode {
  heartbeat: Heartbeat;
  readonly rates: NodeRates;
  /** Wheel time. */
  heard: number;
}

/** The nodes of a cluster. Each sends a heartbeat every second, and takes others for gone by its own clock. */
export class NodeRegistry extends WheelTimer implements BrokerWatcher {
  readonly #options: NodeRegistryOptions;
  readonly #subject: string;
  readonly #started = Date.now();
  readonly #others = new Map<string, OtherNode>();
  readonly #watchers = new Set<NodeWatcher>();
  readonly #lines = new LineRate();
  /** Lines about nodes that come and go: whoever makes up nodes must not fill the log. */
  readonly #nodeLines = new LineRate();
  /** Pairs of rules that differ, as the log says already. */
  readonly #differing = new Set<string>();
  #subscription: ReturnType<NodeBroker['subscribe']> | null = null;
  /** Wheel time of the next heartbeat. */
  #due = 0;
  readonly #rates = new NodeRates();
  /** The rules of this node, as of its last heartbeat. */
  #rules = '';

  constructor(options: NodeRegistryOptions) {
    super();
    this.#options = options;
    this.#subject = options.subjects.control('heartbeat');
  }

  /** Sends heartbeats, and hears those of others, from now on. */
  start(): void {
    const { broker } = this.#options;
    this.#subscription = broker.subscribe(
      this.#subject,
      guarded(this, (message: BrokerMessage) => this.#onHeartbeat(message)),
    );
    broker.watch(this);
    this.sendHeartbeat();
  }

  /** Says goodbye. */
  stop(): void {
    if (this.#subscription === null) return;
    this.#options.wheel.cancel(this);
    this.#send(true);
    this.#subscription.unsubscribe();
    this.#subscription = null;
  }

  /** Sends one at once: something has become of this node that others should know. */
  sendHeartbeat(): void {
    if (this.#subscription === null) return;
    this.#send(false);
    this.#schedule(HEARTBEAT_MS + Math.random() * SPREAD_MS);
  }

  /** This node, and all others that are there, in the order of their names and ids. */
  get nodes(): readonly KnownNode[] {
    const { wheel, self, version, facts } = this.#options;
    const rates = this.#rates.perSecond;
    const about = { ...self, version, protocol: PROTOCOL, started: this.#started };
    const own: KnownNode = { ...about, facts: facts(), rates, silent: null };
    const others = Array.from(this.#others.values(), ({ heartbeat, rates, heard }): KnownNode => {
      const { id, name, version, protocol, started, facts } = heartbeat;
      return { id, name, version, protocol, started, facts, rates: rates.perSecond, silent: wheel.now - heard };
    });
    return [own, ...others].sort((one, other) => order(one.name, other.name) || order(one.id, other.id));
  }

  /** How many nodes there are, this one too. */
  get size(): number {
    return 1 + this.#others.size;
  }

  /** The others, by their ids. */
  get others(): ReadonlyMap<string, { readonly heartbeat: Heartbeat }> {
    return this.#others;
  }

  /** Calls `watcher` when a node comes or goes, from now on. */
  watch(watcher: NodeWatcher): void {
    this.#watchers.add(watcher);
  }

  unwatch(watcher: NodeWatcher): void {
    this.#watchers.delete(watcher);
  }

  onUp(): void {
    // Nobody was heard while the broker was away: silence counts from now.
    this.#forgive(Number.POSITIVE_INFINITY);
    if (this.#subscription !== null) this.#schedule(Math.random() * SPREAD_MS);
  }

  onDown(): void {}

  override onTimer(): void {
    const late = this.#options.wheel.now - this.#due;
    if (late > LATE_MS) this.#forgive(late);
    this.sendHeartbeat();
    if (this.#options.broker.up) this.#lookForSilent();
  }

  override onFault(thrown: unknown): void {
    reportFault(this.#options, thrown);
    // The heartbeat goes on.
    if (this.#subscription !== null && !this.waiting) this.#schedule(HEARTBEAT_MS);
  }

  #schedule(delay: number): void {
    const { wheel } = this.#options;
    wheel.schedule(this, delay);
    this.#due = wheel.now + delay;
  }

  #send(leaves: boolean): void {
    const { broker, self, version, facts } = this.#options;
    const { id, name } = self;
    const now = facts();
    this.#rules = now.rules;
    this.#rates.add(now, performance.now());
    broker.publish(this.#subject, encodeHeartbeat({ id, name, version, started: this.#started, facts: now, leaves }));
  }

  /** Milliseconds in which this node could hear nobody do not count as silence. */
  #forgive(time: number): void {
    const { now } = this.#options.wheel;
    for (const node of this.#others.values()) node.heard = Math.min(now, node.heard + time);
  }

  #lookForSilent(): void {
    const { wheel, log } = this.#options;
    for (const { heartbeat, heard } of [...this.#others.values()]) {
      if (wheel.now - heard <= SILENCE_MS) continue;
      const { id, name } = heartbeat;
      const fields = { node: name, nodeId: id, seconds: SILENCE_MS / 1_000 };
      this.#nodeLines.write(log, 'warn', fields, 'node is gone: nothing was heard of it');
      this.#remove(id);
    }
  }

  #onHeartbeat({ data }: BrokerMessage): void {
    const { counters, log, self } = this.#options;
    const heartbeat = heartbeatOf(data);
    if (heartbeat === null || heartbeat.id === self.id) {
      counters.messagesInvalid++;
      this.#lines.write(log, 'warn', { bytes: data.length }, 'invalid heartbeat of a node');
      return;
    }
    // It is listed, but what it says is not understood.
    if (heartbeat.facts === null) counters.messagesInvalid++;
    const { id, name, version } = heartbeat;
    if (heartbeat.leaves) {
      if (!this.#others.has(id)) return;
      this.#nodeLines.write(log, 'info', { node: name, nodeId: id }, 'node has left the cluster');
      this.#remove(id);
      return;
    }
    const known = this.#others.get(id);
    if (known !== undefined) {
      known.heartbeat = heartbeat;
      known.heard = this.#options.wheel.now;
    } else if (!this.#add(heartbeat)) {
      counters.messagesInvalid++;
      this.#lines.write(
        log,
        'warn',
        { node: name, nodeId: id, max: MAX_NODES },
        'too many nodes: one is not known here',
      );
      return;
    } else {
      this.#nodeLines.write(log, 'info', { node: name, nodeId: id, version }, 'node has joined the cluster');
    }
    if (heartbeat.facts === null) return;
    this.#others.get(id)?.rates.add(heartbeat.facts, performance.now());
    this.#compareRules(heartbeat, heartbeat.facts);
  }

  #add(heartbeat: Heartbeat): boolean {
    if (this.#others.size >= MAX_NODES) return false;
    const { wheel, log } = this.#options;
    const { id, name, protocol, facts } = heartbeat;
    this.#others.set(id, { heartbeat, rates: new NodeRates(), heard: wheel.now });
    if (facts === null) {
      const understood = `${OLDEST_PROTOCOL} to ${PROTOCOL}`;
      const fields = { node: name, nodeId: id, protocol, understood };
      this.#nodeLines.write(log, 'warn', fields, 'protocol of a node is not understood');
    }
    // It hears of this node soon.
    this.#schedule(Math.random() * SPREAD_MS);
    for (const watcher of this.#watchers) attempt(this, () => watcher.nodeCame(id));
    return true;
  }

  #remove(id: string): void {
    this.#others.delete(id);
    for (const watcher of this.#watchers) attempt(this, () => watcher.nodeGone(id));
  }

  #compareRules({ name, id }: Heartbeat, facts: NodeFacts): void {
    if (facts.rules === this.#rules) return;
    const pair = `${this.#rules} ${facts.rules}`;
    if (this.#differing.has(pair)) return;
    if (this.#differing.size >= MAX_NODES) this.#differing.clear();
    this.#differing.add(pair);
    this.#nodeLines.write(
      this.#options.log,
      'warn',
      { node: name, nodeId: id },
      'node has other rules for channels: they must be the same on all nodes',
    );
  }
}

function order(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
