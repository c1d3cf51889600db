import type { ChannelLog } from './channel-log.ts';
import { NameTree } from './name-tree.ts';

/** All channels that are known, in the order of their last use. */
export class ChannelTable {
  readonly names = new NameTree();
  readonly #byName = new Map<string, ChannelLog>();
  /** Used longest ago. */
  oldest: ChannelLog | null = null;
  #newest: ChannelLog | null = null;
  /** The next one of `inTurn`. */
  #next: ChannelLog | null = null;

  get size(): number {
    return this.#byName.size;
  }

  get(name: string): ChannelLog | undefined {
    return this.#byName.get(name);
  }

  all(): MapIterator<ChannelLog> {
    return this.#byName.values();
  }

  /** Each of them, one after the other, call by call; null when all had their turn. An iterator of the map would keep what was deleted meanwhile. */
  inTurn(): ChannelLog | null {
    const channel = this.#next;
    this.#next = channel === null ? this.oldest : channel.newer;
    return channel;
  }

  /** Adds one that is not there, as the one that was used last. */
  add(channel: ChannelLog): void {
    this.#byName.set(channel.name, channel);
    this.names.add(channel);
    this.#append(channel);
  }

  delete(channel: ChannelLog): void {
    this.#byName.delete(channel.name);
    this.names.delete(channel);
    this.#unlink(channel);
  }

  /** It is the one that was used last. */
  touch(channel: ChannelLog): void {
    if (channel === this.#newest) return;
    this.#unlink(channel);
    this.#append(channel);
  }

  #append(channel: ChannelLog): void {
    channel.older = this.#newest;
    channel.newer = null;
    if (this.#newest === null) this.oldest = channel;
    else this.#newest.newer = channel;
    this.#newest = channel;
  }

  #unlink(channel: ChannelLog): void {
    const { older, newer } = channel;
    if (channel === this.#next) this.#next = newer;
    if (older === null) this.oldest = newer;
    else older.newer = newer;
    if (newer === null) this.#newest = older;
    else newer.older = older;
  }
}
