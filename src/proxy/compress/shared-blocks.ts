import { gzipBlock } from '../../codec/content/index.ts';
import { Payload } from '../../exchange/index.ts';

/** Bytes of published content that one block holds. Clients that take it at different speeds still need the same blocks. */
export const BLOCK_BYTES = 16_384;

/**
 * Bytes of the content whose blocks are kept for further clients, each block costing at least 256.
 * @bound compressed-blocks
 */
export const MAX_BLOCKS = 67_108_864;

const BLOCK_COST = 256;

/** What is kept for one Buffer. */
interface Kept {
  /** Weak: blocks are freed with their content. What is counted for them then remains until its turn comes. */
  readonly made: WeakRef<Made>;
  bytes: number;
}

/** The blocks of one Buffer, by number; null for those that have not been needed yet. */
interface Made {
  readonly blocks: (Payload | null)[];
  kept: Kept | null;
}

/** Blocks of gzip for content that goes to many clients: each is made once, when the first client needs it. */
export class SharedBlocks {
  /** Bytes that count towards the bound. */
  used = 0;
  readonly #made = new WeakMap<Buffer, Made>();
  /** Oldest first. */
  readonly #kept = new Set<Kept>();
  readonly #max: number;

  constructor(max = MAX_BLOCKS) {
    this.#max = max;
  }

  /** The block of `whole` that begins at `start`, a multiple of `BLOCK_BYTES`. */
  at(whole: Buffer, start: number): Payload {
    let made = this.#made.get(whole);
    if (made === undefined) {
      made = { blocks: new Array(Math.ceil(whole.length / BLOCK_BYTES)).fill(null), kept: null };
      this.#made.set(whole, made);
    }
    const index = start / BLOCK_BYTES;
    const known = made.blocks[index];
    if (known) return known;
    const content = whole.length <= BLOCK_BYTES ? whole : whole.subarray(start, start + BLOCK_BYTES);
    const block = new Payload(gzipBlock(content), 0);
    made.blocks[index] = block;
    this.#keep(made, Math.max(BLOCK_COST, content.length));
    return block;
  }

  #keep(made: Made, bytes: number): void {
    if (made.kept === null) {
      made.kept = { made: new WeakRef(made), bytes: 0 };
      this.#kept.add(made.kept);
    }
    made.kept.bytes += bytes;
    this.used += bytes;
    for (const oldest of this.#kept) {
      if (this.used <= this.#max) return;
      this.#forget(oldest);
    }
  }

  #forget(kept: Kept): void {
    this.#kept.delete(kept);
    this.used -= kept.bytes;
    const made = kept.made.deref();
    if (made === undefined) return;
    made.blocks.fill(null);
    made.kept = null;
  }
}
