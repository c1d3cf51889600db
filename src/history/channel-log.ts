import type { ChannelLimits } from './history-store.ts';
import type { NameNode } from './name-tree.ts';
import { recordSpace } from './segment.ts';

/** Positions that have gone are cleared away when there are so many, and they are a quarter of all. */
const MANY = 32;

/** What is known of one channel: where its items are. */
export class ChannelLog {
  readonly name: string;
  readonly nameBytes: number;
  keep: ChannelLimits;
  /** Cursors below it cannot continue the channel: the highest number that it has let go. */
  floor: number;
  /** The number of its newest item, kept or not. */
  last: number;
  /** Bytes of its records. */
  bytes = 0;
  /** Where the log says that it has no items; -1 if it has some, or the log does not say it. */
  emptyAt = -1;
  /** Neighbours in the order of their last use. */
  older: ChannelLog | null = null;
  newer: ChannelLog | null = null;
  /** Where it is among the names; null where no pattern matches it. */
  node: NameNode | null = null;
  #positions: number[] = [];
  #head = 0;

  constructor(name: string, keep: ChannelLimits, floor: number) {
    this.name = name;
    this.nameBytes = Buffer.byteLength(name);
    this.keep = keep;
    this.floor = floor;
    this.last = floor;
  }

  /** Items. */
  get size(): number {
    return this.#positions.length - this.#head;
  }

  /** What an item with so many bytes takes in the log. */
  spaceOf(bytes: number): number {
    return recordSpace(this.nameBytes, bytes);
  }

  /** The position of the item at this place, counted from the oldest. */
  at(index: number): number {
    return this.#positions[this.#head + index] as number;
  }

  push(position: number): void {
    this.#positions.push(position);
  }

  /** The record of an item has moved. */
  move(index: number, position: number): void {
    this.#positions[this.#head + index] = position;
  }

  /** Forgets the oldest. */
  shift(): void {
    this.#head++;
    if (this.#head === this.#positions.length) {
      this.#positions = [];
      this.#head = 0;
    } else if (this.#head >= MANY && this.#head * 4 > this.#positions.length) {
      this.#positions = this.#positions.slice(this.#head);
      this.#head = 0;
    }
  }
}
