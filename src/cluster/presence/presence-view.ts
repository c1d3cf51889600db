import { type ClusterCounters, LEAST_COST, LineRate, type Log } from '../../exchange/index.ts';
import { ClientCounts, CountsSum, type KnownStay } from '../../hub/index.ts';
import { type PresenceKey, stayKey, toldKey } from './presence-key.ts';

/**
 * Bytes of what a node knows of the users of all nodes: each user on a channel costs 256 and twice the characters of both names, once for each node that has it and once more if it was told.
 * @bound cluster-presence
 */
export const MAX_VIEW_BYTES = 268_435_456;

/** Connections of a user on a channel at most: more are not believed. */
const MAX_CONNECTIONS = 1_000_000_000;

/** What is known of one node. */
interface NodeStays {
  readonly counts: ClientCounts;
  stays: number;
}

/** What the bucket for presence says: the connections of all nodes, by channel and user, and what was told. */
export class PresenceView {
  /** Of all nodes. */
  readonly counts = new CountsSum();
  readonly #counters: ClusterCounters;
  readonly #log: Log;
  readonly #nodes = new Map<string, NodeStays>();
  readonly #told = new Map<string, KnownStay>();
  readonly #lines = new LineRate();
  #bytes = 0;

  constructor(counters: ClusterCounters, log: Log) {
    this.#counters = counters;
    this.#log = log;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The nodes that have users. */
  get nodes(): Iterable<string> {
    return this.#nodes.keys();
  }

  /** Who was told to be there. */
  get told(): Iterable<KnownStay> {
    return this.#told.values();
  }

  /** The connections of one node. */
  staysOf(node: string): ClientCounts | null {
    return this.#nodes.get(node)?.counts ?? null;
  }

  /** The keys that the bucket has, as far as they are known here. */
  *keys(): Generator<string, void> {
    for (const [node, { counts }] of this.#nodes) {
      for (const [channel, user] of counts.entries()) yield stayKey(node, channel, user) as string;
    }
    yield* this.#told.keys();
  }

  /** Takes what the bucket says of a key. @param value empty where it has none any more */
  take(key: PresenceKey, value: string): void {
    if (key.kind === 'stay') this.#takeStay(key, value);
    else if (key.kind === 'told') this.#takeTold(key, value);
  }

  #takeStay({ node, channel, user }: PresenceKey & { kind: 'stay' }, value: string): void {
    const connections = countOf(value, MAX_CONNECTIONS);
    if (connections === null) {
      this.#counters.messagesInvalid++;
      return;
    }
    const known = this.#nodes.get(node);
    const before = known?.counts.connectionsOf(channel, user) ?? 0;
    if (before === 0 && connections > 0) this.#enter(node, channel, user, connections);
    else if (before > 0 && connections === 0) this.#leave(node, channel, user);
    else known?.counts.set(channel, user, connections);
  }

  #enter(node: string, channel: string, user: string, connections: number): void {
    if (!this.#charge(channel, user)) return;
    const known = this.#nodes.get(node) ?? { counts: new ClientCounts(), stays: 0 };
    if (known.stays === 0) {
      this.#nodes.set(node, known);
      this.counts.include(known.counts);
    }
    known.stays++;
    known.counts.set(channel, user, connections);
  }

  #leave(node: string, channel: string, user: string): void {
    const known = this.#nodes.get(node) as NodeStays;
    this.#bytes -= costOf(channel, user);
    known.counts.set(channel, user, 0);
    known.stays--;
    if (known.stays > 0) return;
    this.#nodes.delete(node);
    this.counts.drop(known.counts);
  }

  #takeTold({ channel, user }: PresenceKey & { kind: 'told' }, value: string): void {
    const key = toldKey(channel, user);
    const isKnown = this.#told.has(key);
    if (value === '') {
      if (this.#told.delete(key)) this.#bytes -= costOf(channel, user);
      return;
    }
    const since = countOf(value.split(' ')[0] ?? '', Number.MAX_SAFE_INTEGER);
    if (since === null) this.#counters.messagesInvalid++;
    else if (isKnown || this.#charge(channel, user)) this.#told.set(key, { channel, user, since });
  }

  #charge(channel: string, user: string): boolean {
    const cost = costOf(channel, user);
    if (this.#bytes + cost > MAX_VIEW_BYTES) {
      this.#counters.presenceDropped++;
      this.#lines.write(this.#log, 'warn', { channel }, 'too many users in the cluster: one is left out');
      return false;
    }
    this.#bytes += cost;
    return true;
  }
}

/** The number in a value; 0 for an empty one, null for anything else. */
function countOf(value: string, most: number): number | null {
  const count = Number(value);
  return /^\d{0,16}$/.test(value) && count <= most ? count : null;
}

function costOf(channel: string, user: string): number {
  return LEAST_COST + 2 * (channel.length + user.length);
}
