import { ENCODER_BYTES, type EncodedCoding } from '../../codec/content/index.ts';
import type { Counters, Log } from '../../exchange/index.ts';
import { SharedBlocks } from './shared-blocks.ts';

/**
 * Bytes of the encoders of all responses that are compressed one by one.
 * @bound compression-total
 */
export const MAX_ENCODERS = 268_435_456;

/** What compressed responses of a proxy share. */
export class CompressRoom {
  readonly counters: Counters;
  readonly log: Log;
  /** What held clients get. */
  readonly blocks = new SharedBlocks();
  #encoders = 0;

  constructor(counters: Counters, log: Log) {
    this.counters = counters;
    this.log = log;
  }

  /** Bytes of the encoders now. */
  get used(): number {
    return this.#encoders;
  }

  /** Takes memory for an encoder with the first of these codings for which there is some; null, and counted, for none. */
  take(codings: readonly EncodedCoding[]): EncodedCoding | null {
    for (const coding of codings) {
      if (this.#encoders + ENCODER_BYTES[coding] > MAX_ENCODERS) continue;
      this.#encoders += ENCODER_BYTES[coding];
      return coding;
    }
    this.counters.compressionsSkipped++;
    return null;
  }

  release(coding: EncodedCoding): void {
    this.#encoders -= ENCODER_BYTES[coding];
  }
}
