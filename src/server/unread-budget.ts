import { LEAST_COST } from '../exchange/index.ts';

/**
 * Bytes that the connections of one server keep because they cannot be taken yet. Each connection that keeps any costs at least 256.
 * Beyond it a client is no longer read as soon as it sends what cannot be taken, however little of `pipelineBytes` that is.
 * @bound unread-input-total
 */
export const MAX_UNREAD_BYTES = 67_108_864;

/** Counts the input that waits in all connections of one server. */
export class UnreadBudget {
  readonly max: number;
  used = 0;

  constructor(max = MAX_UNREAD_BYTES) {
    this.max = max;
  }

  get full(): boolean {
    return this.used >= this.max;
  }

  /** A connection keeps `after` instead of `before`. */
  change(before: Buffer | null, after: Buffer | null): void {
    this.used += cost(after) - cost(before);
  }
}

function cost(kept: Buffer | null): number {
  return kept === null || kept.length === 0 ? 0 : Math.max(LEAST_COST, kept.length);
}
