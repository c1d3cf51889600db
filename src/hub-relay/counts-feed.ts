import { type AtTurnEnd, fault, type Guarded, type TurnQueue } from '../clock/index.ts';
import type { ClientCounts, Counts, CountsWatcher } from '../hub/index.ts';
import { jsonOf, KIND, valuePacket } from './relay-packet.ts';

/** Users in one packet. */
const USERS = 512;

type Told = readonly [channel: string, user: string, connections: number];

/** Tells the main process how many connections users have on channels: what has changed in a turn, at its end. */
export class CountsFeed implements CountsWatcher, AtTurnEnd {
  readonly #counts: Counts;
  readonly #turns: TurnQueue;
  readonly #send: (packet: Buffer) => void;
  readonly #owner: Guarded;
  /** The users of channels that have changed, by channel. */
  #changed = new Map<string, Set<string>>();

  /** @param send sends a packet @param owner handles exceptions at the end of a turn */
  constructor(counts: Counts, turns: TurnQueue, send: (packet: Buffer) => void, owner: Guarded) {
    this.#counts = counts;
    this.#turns = turns;
    this.#send = send;
    this.#owner = owner;
  }

  /** Tells all, to one that knows nothing, and then what changes. */
  begin(): void {
    this.#counts.watch(this);
    for (const [channel, user] of this.#counts.entries()) this.countChanged(channel, user);
    this.onTurnEnd();
  }

  stop(): void {
    this.#counts.unwatch(this);
    this.#changed.clear();
  }

  countChanged(channel: string, user: string): void {
    if (this.#changed.size === 0) this.#turns.add(this);
    const users = this.#changed.get(channel);
    if (users === undefined) this.#changed.set(channel, new Set([user]));
    else users.add(user);
  }

  onTurnEnd(): void {
    const changed = this.#changed;
    this.#changed = new Map();
    let told: Told[] = [];
    for (const [channel, users] of changed) {
      for (const user of users) {
        told.push([channel, user, this.#counts.connectionsOf(channel, user)]);
        if (told.length < USERS) continue;
        this.#send(valuePacket(KIND.counts, told));
        told = [];
      }
    }
    if (told.length > 0) this.#send(valuePacket(KIND.counts, told));
  }

  onFault(thrown: unknown): void {
    fault(this.#owner, thrown);
  }
}

/** Takes what a feed has told. */
export function takeCounts(counts: ClientCounts, packet: Buffer): void {
  for (const [channel, user, connections] of jsonOf(packet) as readonly Told[]) counts.set(channel, user, connections);
}
