/** Stands for the clients of a channel that are of no user. No user has this name. */
export const NOBODY = '';

/** Hears of connections. */
export interface CountsWatcher {
  /** The user has another number of connections on the channel, or there is another number of clients of no user. */
  countChanged(channel: string, user: string): void;
}

/** How many connections there are on channels, by user. */
export interface Counts {
  /** Connections of a user on a channel; of no user, for `NOBODY`. */
  connectionsOf(channel: string, user: string): number;
  /** Connections on a channel, of all users and of none. */
  connectionsOn(channel: string): number;
  /** Each channel with each user that has connections on it, and `NOBODY` where it has clients of no user. A user may come more than once. */
  entries(): Iterable<readonly [channel: string, user: string]>;
  watch(watcher: CountsWatcher): void;
  unwatch(watcher: CountsWatcher): void;
}

interface ChannelCounts {
  connections: number;
  readonly byUser: Map<string, number>;
}

/** The connections of the clients of one hub. There are no more entries than subscriptions, so the bounds of these hold. */
export class ClientCounts implements Counts {
  readonly #channels = new Map<string, ChannelCounts>();
  readonly #watchers = new Set<CountsWatcher>();

  connectionsOf(channel: string, user: string): number {
    return this.#channels.get(channel)?.byUser.get(user) ?? 0;
  }

  connectionsOn(channel: string): number {
    return this.#channels.get(channel)?.connections ?? 0;
  }

  *entries(): Generator<readonly [string, string], void> {
    for (const [name, { byUser }] of this.#channels) {
      for (const user of byUser.keys()) yield [name, user];
    }
  }

  watch(watcher: CountsWatcher): void {
    this.#watchers.add(watcher);
  }

  unwatch(watcher: CountsWatcher): void {
    this.#watchers.delete(watcher);
  }

  /** A user has so many connections more on a channel, or fewer. */
  add(channel: string, user: string, more: number): void {
    this.set(channel, user, this.connectionsOf(channel, user) + more);
  }

  /** A user has so many connections on a channel. */
  set(channel: string, user: string, connections: number): void {
    let counts = this.#channels.get(channel);
    const more = connections - (counts?.byUser.get(user) ?? 0);
    if (more === 0) return;
    if (counts === undefined) {
      counts = { connections: 0, byUser: new Map() };
      this.#channels.set(channel, counts);
    }
    counts.connections += more;
    if (connections > 0) counts.byUser.set(user, connections);
    else counts.byUser.delete(user);
    if (counts.byUser.size === 0) this.#channels.delete(channel);
    for (const watcher of this.#watchers) watcher.countChanged(channel, user);
  }

  /** Nobody is counted on a channel any more. */
  forget(channel: string): void {
    for (const user of [...(this.#channels.get(channel)?.byUser.keys() ?? [])]) this.set(channel, user, 0);
  }

  /** Nobody is counted any more. */
  clear(): void {
    for (const channel of [...this.#channels.keys()]) this.forget(channel);
  }
}
