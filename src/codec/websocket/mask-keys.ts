import { randomFillSync } from 'node:crypto';

/** Keys that are drawn at a time: asking the source of randomness costs much more than a key. */
const DRAWN = 1_024;

const KEYS = new Int32Array(DRAWN);
let next = DRAWN;

/** A masking key that nobody can foresee (RFC 6455 §5.3, §10.3): 32 bits from the system's source of randomness, each given once. */
export function maskKey(): number {
  if (next === DRAWN) {
    randomFillSync(KEYS);
    next = 0;
  }
  return KEYS[next++] as number;
}
