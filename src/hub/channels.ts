import type { TimerWheel } from '../clock/index.ts';
import type { Current } from '../exchange/index.ts';
import { Channel, type Group, type Membership, type Receiver } from './channel.ts';
import { Expiry } from './expiry.ts';
import type { HubLimits } from './hub-options.ts';
import { PatternTrie } from './pattern-trie.ts';
import { patternOf } from './subscription-key.ts';

/**
 * Bytes of the channels without members that are kept for their last id. Beyond it those that have had none for longest go first.
 * @bound hub-idle-channels
 */
export const MAX_IDLE_BYTES = 16_777_216;

/** What a channel costs besides its name and its last id, in bytes. */
const CHANNEL_COST = 512;

/** What a pattern costs besides that: its tokens, of which it has as many at most as `MAX_PATTERN_TOKENS`. */
const PATTERN_COST = 4_096;

/** Hears how many members the groups of channels have. */
export interface MembersObserver {
  /** The group has gained or lost a member. */
  onMembers(group: Group): void;
}

/** Hears which clients join the channels of a hub, and which leave. */
export interface MembersCounter {
  /** A client of a user, or of none, has joined a channel or pattern, or has left it. */
  onMember(channel: Channel, user: string | null, more: 1 | -1): void;
}

/** Hears which channels and patterns are known: those with members, and those that are remembered for a while after. */
export interface ChannelWatcher {
  /** @param key name of the channel, or `patternKey` of the pattern */
  channelAdded(key: string): void;
  channelRemoved(key: string): void;
}

/**
 * All channels, by name, and all patterns. A channel comes into being when a receiver joins it. When the last one has left, it stays for a while if its
 * last id is known, or if that was a held request: clients that poll are back by then.
 */
export class Channels {
  /** Hears how many members there are; null for nobody. */
  observer: MembersObserver | null = null;
  /** Hears which clients join and leave; null for nobody. */
  counter: MembersCounter | null = null;
  readonly #watchers: ChannelWatcher[] = [];
  readonly #byName = new Map<string, Channel>();
  readonly #patterns = new PatternTrie<Channel>();
  /** Channels without members, in the order in which they became idle. */
  readonly #idle = new Map<Channel, number>();
  #idleBytes = 0;
  readonly #wheel: TimerWheel;
  readonly #limits: Current<Pick<HubLimits, 'subscriptionLinger'>>;
  readonly #expiry: Expiry;

  /** @param onFault handles an exception while channels expire */
  constructor(
    wheel: TimerWheel,
    limits: Current<Pick<HubLimits, 'subscriptionLinger'>>,
    onFault: (thrown: unknown) => void,
  ) {
    this.#wheel = wheel;
    this.#limits = limits;
    this.#expiry = new Expiry(() => this.#expire(), onFault);
  }

  /** Channels and patterns with members. */
  get size(): number {
    return this.#byName.size + this.#patterns.size - this.#idle.size;
  }

  /** Channels and patterns that are only remembered. */
  get idle(): number {
    return this.#idle.size;
  }

  /** Those with members, and those that are remembered. Patterns come last. */
  *all(): Generator<Channel, void> {
    yield* this.#byName.values();
    yield* this.#patterns.values();
  }

  /** Whether there are patterns. */
  get havePatterns(): boolean {
    return this.#patterns.size > 0;
  }

  /** Tells `watcher` of the channels, beginning with those that are known already. */
  watch(watcher: ChannelWatcher): void {
    this.#watchers.push(watcher);
    for (const { key } of this.all()) watcher.channelAdded(key);
  }

  /** Tells `watcher` nothing more. */
  unwatch(watcher: ChannelWatcher): void {
    const at = this.#watchers.indexOf(watcher);
    if (at >= 0) this.#watchers.splice(at, 1);
  }

  /** The channel with this name, if it has members or is remembered. */
  get(name: string): Channel | undefined {
    return this.#byName.get(name);
  }

  /** As `get`, with the name of a channel or the key of a pattern. */
  find(key: string): Channel | undefined {
    const pattern = patternOf(key);
    return pattern === null ? this.#byName.get(key) : this.#patterns.get(pattern);
  }

  /** The patterns that match the channel with this name, the most exact first. */
  matching(name: string): readonly Channel[] {
    return this.#patterns.match(name);
  }

  /** The last ids that are known, by channel. */
  get lastIds(): ReadonlyMap<string, string> {
    const known = new Map<string, string>();
    for (const { name, lastId } of this.#byName.values()) if (lastId !== null) known.set(name, lastId);
    return known;
  }

  /** The last ids that are known of these channels, each after its name. */
  lastIdsOf(names: Iterable<string>): readonly string[] {
    const known: string[] = [];
    for (const name of new Set(names)) {
      const id = this.#byName.get(name)?.lastId ?? null;
      if (id !== null) known.push(name, id);
    }
    return known;
  }

  /** Notes last ids, as `lastIdsOf` gives them, of channels that have none. */
  noteLastIds(known: readonly string[]): void {
    for (let i = 0; i + 1 < known.length; i += 2) {
      const name = known[i] as string;
      if (this.#byName.get(name)?.lastId === null) this.setLastId(name, known[i + 1] as string);
    }
  }

  /** Lets `receiver`, which is not a member yet, join the channel with this name, or the pattern with this key. */
  join(receiver: Receiver, key: string): Membership {
    let channel = this.find(key);
    if (channel === undefined) {
      channel = new Channel(key);
      if (channel.isPattern) this.#patterns.set(channel.name, channel);
      else this.#byName.set(key, channel);
      for (const watcher of this.#watchers) watcher.channelAdded(key);
    } else {
      this.#unidle(channel);
    }
    const membership = channel.add(receiver);
    this.observer?.onMembers(membership.group);
    return membership;
  }

  /**
   * Ends a membership. Harmless when it has ended.
   * @param remember whether the channel may stay for a while
   */
  leave(membership: Membership, remember = true): void {
    if (membership.position < 0) return;
    const { channel } = membership;
    membership.group.remove(membership);
    this.observer?.onMembers(membership.group);
    if (channel.size > 0) return;
    channel.lingers = membership.receiver.format === 'http-response';
    const remembered = channel.lingers || channel.lastId !== null;
    if (remember && remembered && this.#linger > 0) this.#remember(channel);
    else this.#delete(channel);
  }

  /** Notes the last id of the channel with this name, if it has members or is remembered; null if it is not known any more. */
  setLastId(name: string, id: string | null): void {
    const channel = this.#byName.get(name);
    if (channel === undefined) return;
    channel.lastId = id;
    if (!this.#idle.has(channel)) return;
    if (id === null && !channel.lingers) this.#forget(channel);
    else this.#charge(channel);
  }

  /** Milliseconds for which a channel stays without members. */
  get #linger(): number {
    return this.#limits.current.subscriptionLinger * 1_000;
  }

  #remember(channel: Channel): void {
    channel.idleSince = this.#wheel.now;
    this.#charge(channel);
    if (!this.#expiry.waiting && this.#idle.size > 0) this.#wheel.schedule(this.#expiry, this.#linger);
  }

  /** Counts what an idle channel costs now, and makes room for it. A channel that was counted before keeps its place in the order. */
  #charge(channel: Channel): void {
    const { key, lastId, isPattern } = channel;
    const cost = CHANNEL_COST + (isPattern ? PATTERN_COST : 0) + 2 * (key.length + (lastId?.length ?? 0));
    this.#idleBytes += cost - (this.#idle.get(channel) ?? 0);
    this.#idle.set(channel, cost);
    for (const oldest of this.#idle.keys()) {
      if (this.#idleBytes <= MAX_IDLE_BYTES) break;
      this.#forget(oldest);
    }
  }

  #unidle(channel: Channel): void {
    const cost = this.#idle.get(channel);
    if (cost === undefined) return;
    this.#idle.delete(channel);
    this.#idleBytes -= cost;
  }

  #forget(channel: Channel): void {
    this.#unidle(channel);
    this.#delete(channel);
  }

  #delete(channel: Channel): void {
    if (channel.isPattern) this.#patterns.delete(channel.name);
    else this.#byName.delete(channel.key);
    for (const watcher of this.#watchers) watcher.channelRemoved(channel.key);
  }

  #expire(): void {
    const { now } = this.#wheel;
    const linger = this.#linger;
    for (const channel of this.#idle.keys()) {
      const rest = channel.idleSince + linger - now;
      if (rest > 0) {
        this.#wheel.schedule(this.#expiry, rest);
        return;
      }
      this.#forget(channel);
    }
  }
}
