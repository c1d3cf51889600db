import type { ClientCounts, Counts, CountsWatcher } from './client-counts.ts';

/** The connections of the clients of several hubs. */
export class CountsSum implements Counts, CountsWatcher {
  readonly #parts = new Set<ClientCounts>();
  readonly #watchers = new Set<CountsWatcher>();

  /** Counts those of one hub too. */
  include(part: ClientCounts): void {
    this.#parts.add(part);
    part.watch(this);
  }

  /** A hub is gone: nobody is counted there any more. */
  drop(part: ClientCounts): void {
    part.clear();
    part.unwatch(this);
    this.#parts.delete(part);
  }

  connectionsOf(channel: string, user: string): number {
    let sum = 0;
    for (const part of this.#parts) sum += part.connectionsOf(channel, user);
    return sum;
  }

  connectionsOn(channel: string): number {
    let sum = 0;
    for (const part of this.#parts) sum += part.connectionsOn(channel);
    return sum;
  }

  *entries(): Generator<readonly [string, string], void> {
    for (const part of this.#parts) yield* part.entries();
  }

  watch(watcher: CountsWatcher): void {
    this.#watchers.add(watcher);
  }

  unwatch(watcher: CountsWatcher): void {
    this.#watchers.delete(watcher);
  }

  countChanged(channel: string, user: string): void {
    for (const watcher of this.#watchers) watcher.countChanged(channel, user);
  }
}
