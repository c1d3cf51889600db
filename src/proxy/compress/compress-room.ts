import { ENCODER_BYTES, type EncodedCoding, gzipBlock } from '../../codec/content/index.ts';
import { type Counters, type Log, Payload } from '../../exchange/index.ts';

/**
 * Bytes of the encoders of all responses that are compressed one by one.
 * @bound compression-total
 */
export const MAX_ENCODERS = 268_435_456;

/** Larger chunks are compressed once for neighbours that get the same one. */
const LARGE = 4_096;

/** What compressed responses of a proxy share. */
export class CompressRoom {
  readonly counters: Counters;
  readonly log: Log;
  #encoders = 0;
  /** What the same payload is as a block of gzip. */
  readonly #blocks = new WeakMap<Payload, Payload>();
  #lastChunk: Buffer | null = null;
  #lastBlock: Buffer | null = null;

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

  /** The payload as a block of gzip, made once for all clients. */
  blockOf(payload: Payload): Payload {
    let block = this.#blocks.get(payload);
    if (block === undefined) {
      block = new Payload(gzipBlock(payload.body), payload.items);
      this.#blocks.set(payload, block);
    }
    return block;
  }

  /** A chunk as a block of gzip. Pieces of a payload that is larger than the credits of its clients come one after the other. */
  blockOfChunk(chunk: Buffer): Buffer {
    if (chunk.length <= LARGE) return gzipBlock(chunk);
    const last = this.#lastChunk;
    if (last !== null && this.#lastBlock !== null && isSameView(last, chunk)) return this.#lastBlock;
    this.#lastChunk = chunk;
    this.#lastBlock = gzipBlock(chunk);
    return this.#lastBlock;
  }
}

function isSameView(one: Buffer, other: Buffer): boolean {
  return one.buffer === other.buffer && one.byteOffset === other.byteOffset && one.length === other.length;
}
