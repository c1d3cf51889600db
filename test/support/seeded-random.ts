import type { TestContext } from 'node:test';

/** Random numbers that can be had again: the same seed gives the same ones. */
export class SeededRandom {
  readonly seed: number;
  #state: number;

  /** @param seed an integer; only its 32 low bits count */
  constructor(seed: number) {
    this.seed = seed;
    // Zero is the one state that a shift register never leaves.
    this.#state = seed | 0 || 1;
  }

  /** A number from 0 up to, but not, 1: the next state of a 32-bit xorshift register. */
  next(): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return (state >>> 0) / 2 ** 32;
  }

  /** An integer from 0 up to, but not, `limit`. */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  /** A generator with a seed of its own. */
  fork(): SeededRandom {
    return new SeededRandom(this.below(2 ** 31));
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.alloc(length);
    for (let i = 0; i < length; i++) bytes[i] = this.below(256);
    return bytes;
  }
}

/** A seed for a test: HOLDFAST_SEED if it is set. In CI it is always the same one, so that a failure comes from the change and not from the seed; elsewhere each is new, and finds new cases. */
export function testSeed(): number {
  const { HOLDFAST_SEED, CI } = process.env;
  if (HOLDFAST_SEED !== undefined) return Number(HOLDFAST_SEED);
  return CI ? 1 : Math.floor(Math.random() * 2 ** 31);
}

/** A generator whose seed is told in the output. */
export function seededRandom(t: TestContext): SeededRandom {
  const seed = testSeed();
  t.diagnostic(`HOLDFAST_SEED=${seed}`);
  return new SeededRandom(seed);
}
