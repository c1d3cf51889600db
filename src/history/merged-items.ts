import type { ChannelLog } from './channel-log.ts';
import type { HistoryLog } from './history-log.ts';

/** The items of one channel that are wanted. */
interface Share {
  readonly channel: ChannelLog;
  /** The index of the next one, and of the one before which it ends. */
  next: number;
  readonly end: number;
  /** The number of the next one; negative where the newest come first. */
  key: number;
}

/** The items of several channels in the order of their numbers. Each costs a few steps, however many channels there are. */
export class MergedItems {
  readonly #log: HistoryLog;
  readonly #reverse: boolean;
  /** A heap: no share begins before the one at half its index. */
  readonly #shares: Share[] = [];

  constructor(log: HistoryLog, reverse: boolean) {
    this.#log = log;
    this.#reverse = reverse;
  }

  get isEmpty(): boolean {
    return this.#shares.length === 0;
  }

  /** Adds the items of a channel from one index up to another, which is not included. */
  add(channel: ChannelLog, from: number, to: number): void {
    if (from >= to) return;
    const share = this.#reverse
      ? { channel, next: to - 1, end: from - 1, key: 0 }
      : { channel, next: from, end: to, key: 0 };
    this.#setKey(share);
    let at = this.#shares.push(share) - 1;
    for (let above = (at - 1) >> 1; at > 0 && this.#keyAt(above) > share.key; above = (at - 1) >> 1) {
      this.#shares[at] = this.#shares[above] as Share;
      at = above;
    }
    this.#shares[at] = share;
  }

  /** The next item: its channel, and its index there. There must be one. */
  peek(): { readonly channel: ChannelLog; readonly index: number } {
    const { channel, next: index } = this.#shares[0] as Share;
    return { channel, index };
  }

  /** Goes on to the one after it. */
  next(): void {
    const share = this.#shares[0] as Share;
    share.next += this.#reverse ? -1 : 1;
    if (share.next === share.end) {
      const last = this.#shares.pop() as Share;
      if (this.#shares.length > 0) this.#sink(last);
    } else {
      this.#setKey(share);
      this.#sink(share);
    }
  }

  #setKey(share: Share): void {
    const number = this.#log.numberAt(share.channel.at(share.next));
    share.key = this.#reverse ? -number : number;
  }

  #keyAt(index: number): number {
    return (this.#shares[index] as Share).key;
  }

  /** Puts a share in the place of the first one, and then where it belongs. */
  #sink(share: Share): void {
    const shares = this.#shares;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= shares.length) break;
      if (below + 1 < shares.length && this.#keyAt(below + 1) < this.#keyAt(below)) below++;
      if (this.#keyAt(below) >= share.key) break;
      shares[at] = shares[below] as Share;
      at = below;
    }
    shares[at] = share;
  }
}
