import { type AtTurnEnd, type TimerWheel, TurnQueue } from '../clock/index.ts';
import { type Counters, type Current, LEAST_COST, LineRate, type Log, reportFault } from '../exchange/index.ts';
import { type Counts, type CountsWatcher, NOBODY } from './client-counts.ts';
import { Expiry } from './expiry.ts';
import { FirstByKey } from './first-by-key.ts';
import type { Publication } from './intake.ts';
import type { PresenceEvent, PresenceKind } from './presence-event.ts';

/**
 * Bytes of the users of one channel: each costs 256 and twice the characters of its name.
 * @bound presence-channel
 */
export const MAX_CHANNEL_BYTES = 33_554_432;

/**
 * Bytes of the users of all channels, and of the channels themselves, charged alike.
 * @bound presence-total
 */
export const MAX_PRESENCE_BYTES = 134_217_728;

/** A user on a channel, or for `NOBODY` the channel itself, as one process tells it another. */
export interface KnownStay {
  readonly channel: string;
  readonly user: string;
  /** In milliseconds since 1970. */
  readonly since: number;
}

/** A user of a channel. */
export interface PresentUser {
  readonly user: string;
  /** 0 for one that may be back in a moment. */
  readonly connections: number;
  /** In milliseconds since 1970. */
  readonly since: number;
}

/** Some users of a channel, in the order of their names in UTF-16. */
export interface PresencePage {
  readonly users: readonly PresentUser[];
  /** Users of the channel. */
  readonly total: number;
  /** The `after` of those that follow; null if none do. */
  readonly next: string | null;
}

/** Who orders the items of a process, and knows who is there. */
export interface PresenceSource {
  readonly counts: Counts;
  /** Publishes what the events say. */
  tell(events: readonly PresenceEvent[]): void;
  /** As `Hub.requestTurn`. */
  requestTurn(publication: Publication): void;
  /** As `Hub.cancelTurn`. */
  cancelTurn(publication: Publication): void;
}

/** How long one is waited for. */
export interface PresenceLimits {
  /** Seconds after which a user without connections has left. 5 by default. */
  readonly presenceGrace: number;
}

/** What a table is made of. */
export interface PresenceOptions {
  readonly wheel: TimerWheel;
  readonly counters: Counters;
  readonly log: Log;
  readonly limits: Current<PresenceLimits>;
}

/** Those that leave in one call of the timer. */
const SLICE = 10_000;

/** Events that are told in one turn of the event loop: each may be an item for clients, and one for each webhook. */
const EVENTS_PER_TURN = 256;

/** What an event counts as a publisher's bytes. */
const EVENT_BYTES = 512;

interface Stay {
  readonly place: Place;
  /** The name of the user; `NOBODY` for the channel itself. */
  readonly key: string;
  readonly since: number;
  /** Wheel time since which it has no connections, in milliseconds. */
  emptyAt: number;
  /** That it began, while that is not told; null once it is. */
  beginning: WaitingEvent | null;
}

/** An event that is not told yet. */
interface WaitingEvent extends PresenceEvent {
  readonly stay: Stay;
}

/** A channel with clients, or that had some a moment ago. */
interface Place {
  readonly channel: string;
  readonly stays: Map<string, Stay>;
  bytes: number;
}

/**
 * Knows which users are on which channels, and which channels have clients, and tells of those who come and leave. Whoever comes back within the grace time has not
 * left. It tells as a publisher does, in its turn; of those who have left before that it says nothing, so no more waits than two events for each user. There is one table in a process, which counts while that process orders the items (`lead`), and nothing otherwise.
 */
export class PresenceTable implements CountsWatcher, AtTurnEnd, Publication {
  readonly #options: PresenceOptions;
  readonly #places = new Map<string, Place>();
  /** Those without connections, in the order in which they lost the last one. */
  readonly #leaving = new Set<Stay>();
  readonly #expiry: Expiry;
  readonly #turns = new TurnQueue();
  readonly #refusals = new LineRate();
  #source: PresenceSource | null = null;
  #bytes = 0;
  /** What is to be told, in its order. */
  readonly #events = new Set<WaitingEvent>();

  constructor(options: PresenceOptions) {
    this.#options = options;
    this.#expiry = new Expiry(
      () => this.#expire(),
      (thrown) => this.onFault(thrown),
    );
  }

  /** Users on channels: one on two channels counts twice. */
  get users(): number {
    return this.#options.counters.usersOpen;
  }

  /** Channels that are known to have clients. */
  get channels(): number {
    return this.#places.size;
  }

  /** Begins to count and to tell. @param known who was there when another process did that, whose clients may still come back */
  lead(source: PresenceSource, known: Iterable<KnownStay> = []): void {
    this.release();
    this.#source = source;
    source.counts.watch(this);
    for (const { channel, user, since } of known) this.#leave(this.#add(channel, user, since));
    for (const [channel, user] of source.counts.entries()) this.countChanged(channel, user);
  }

  /** Counts no longer, once what has happened so far is told. Returns who is there. */
  release(): KnownStay[] {
    const known: KnownStay[] = [];
    if (this.#source === null) return known;
    this.#source.cancelTurn(this);
    this.#tellSome(Number.POSITIVE_INFINITY);
    this.#source.counts.unwatch(this);
    this.#source = null;
    for (const { channel, stays } of this.#places.values()) {
      for (const { key, since } of [...stays.values()].sort(usersFirst)) known.push({ channel, user: key, since });
    }
    this.#places.clear();
    this.#leaving.clear();
    this.#options.wheel.cancel(this.#expiry);
    this.#bytes = 0;
    this.#options.counters.usersOpen = 0;
    return known;
  }

  /** The server stops: all have left. */
  leaveAll(): void {
    for (const { stays } of [...this.#places.values()]) {
      for (const stay of [...stays.values()].sort(usersFirst)) this.#end(stay);
    }
    this.release();
  }

  /** Some users of a channel. @param after only those whose names come after it; empty for all @param limit how many at most */
  usersOf(channel: string, after: string, limit: number): PresencePage {
    const place = this.#places.get(channel);
    const first = new FirstByKey<Stay>(limit + 1);
    let total = 0;
    for (const stay of place?.stays.values() ?? []) {
      if (stay.key === NOBODY) continue;
      total++;
      if (stay.key > after) first.add(stay);
    }
    const users = first.all.slice(0, limit).map(({ key: user, since }) => ({
      user,
      connections: this.#source?.counts.connectionsOf(channel, user) ?? 0,
      since,
    }));
    return { users, total, next: first.all.length > limit ? (users.at(-1)?.user ?? null) : null };
  }

  countChanged(channel: string, user: string): void {
    const { counts } = this.#source as PresenceSource;
    const total = counts.connectionsOn(channel);
    // A channel has clients before a user is there, and until all have left.
    if (total > 0) this.#settle(channel, NOBODY, total);
    if (user !== NOBODY) this.#settle(channel, user, counts.connectionsOf(channel, user));
    if (total === 0) this.#settle(channel, NOBODY, 0);
  }

  #settle(channel: string, user: string, connections: number): void {
    const stay = this.#places.get(channel)?.stays.get(user);
    if (stay === undefined) {
      if (connections > 0) this.#enter(channel, user);
    } else if (connections > 0) {
      this.#leaving.delete(stay);
    } else if (!this.#leaving.has(stay)) {
      this.#leave(stay);
    }
  }

  #enter(channel: string, user: string): void {
    const cost = costOf(user === NOBODY ? channel : user);
    const place = this.#places.get(channel);
    if (this.#bytes + cost > MAX_PRESENCE_BYTES || (place?.bytes ?? 0) + cost > MAX_CHANNEL_BYTES) {
      const { counters, log } = this.#options;
      counters.presenceDropped++;
      this.#refusals.write(
        log,
        'warn',
        { channel },
        'too many users or channels for the presence table: one is left out',
      );
      return;
    }
    // A user whose channel found no room is left out too.
    if (user !== NOBODY && place === undefined) return;
    const stay = this.#add(channel, user, Date.now());
    stay.beginning = this.#tell(user === NOBODY ? 'occupied' : 'join', stay, stay.since);
  }

  #add(channel: string, user: string, since: number): Stay {
    let place = this.#places.get(channel);
    if (place === undefined) {
      place = { channel, stays: new Map(), bytes: 0 };
      this.#places.set(channel, place);
    }
    const stay: Stay = { place, key: user, since, emptyAt: 0, beginning: null };
    const cost = costOf(user === NOBODY ? channel : user);
    place.stays.set(user, stay);
    place.bytes += cost;
    this.#bytes += cost;
    if (user !== NOBODY) this.#options.counters.usersOpen++;
    return stay;
  }

  #leave(stay: Stay): void {
    const { wheel } = this.#options;
    stay.emptyAt = wheel.now;
    this.#leaving.add(stay);
    if (!this.#expiry.waiting) wheel.schedule(this.#expiry, this.#grace);
  }

  get #grace(): number {
    return this.#options.limits.current.presenceGrace * 1_000;
  }

  #expire(): void {
    const { wheel } = this.#options;
    let left = SLICE;
    for (const stay of this.#leaving) {
      const rest = left-- > 0 ? stay.emptyAt + this.#grace - wheel.now : 0;
      if (rest > 0 || left < 0) {
        wheel.schedule(this.#expiry, rest);
        return;
      }
      this.#end(stay);
    }
  }

  #end(stay: Stay): void {
    const { place, key: user } = stay;
    const cost = costOf(user === NOBODY ? place.channel : user);
    this.#leaving.delete(stay);
    place.stays.delete(user);
    place.bytes -= cost;
    this.#bytes -= cost;
    if (user !== NOBODY) this.#options.counters.usersOpen--;
    if (place.stays.size === 0) this.#places.delete(place.channel);
    // Nobody has heard of it, and nobody has to.
    if (stay.beginning !== null) this.#events.delete(stay.beginning);
    else this.#tell(user === NOBODY ? 'vacated' : 'leave', stay, Date.now());
  }

  #tell(kind: PresenceKind, stay: Stay, time: number): WaitingEvent {
    if (this.#events.size === 0) this.#turns.add(this);
    const { place, key } = stay;
    const event = { kind, channel: place.channel, user: key === NOBODY ? null : key, time, stay };
    this.#events.add(event);
    return event;
  }

  #tellSome(count: number): void {
    const events: WaitingEvent[] = [];
    for (const event of this.#events) {
      if (events.length === count) break;
      this.#events.delete(event);
      event.stay.beginning = null;
      events.push(event);
    }
    if (events.length > 0) this.#source?.tell(events);
  }

  onTurnEnd(): void {
    if (this.#events.size > 0) this.#source?.requestTurn(this);
  }

  /** What it counts as a publisher. */
  get bytes(): number {
    return Math.min(EVENTS_PER_TURN, this.#events.size) * EVENT_BYTES;
  }

  /** It is its turn as a publisher. */
  onTurn(): boolean {
    this.#tellSome(EVENTS_PER_TURN);
    if (this.#events.size > 0) this.#turns.add(this);
    return true;
  }

  onFault(thrown: unknown): void {
    reportFault(this.#options, thrown);
  }
}

function costOf(name: string): number {
  return LEAST_COST + 2 * name.length;
}

function usersFirst(one: Stay, other: Stay): number {
  return Number(one.key === NOBODY) - Number(other.key === NOBODY);
}
