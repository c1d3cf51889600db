import { randomFillSync } from 'node:crypto';

/** Keys generated at a time: a call to the random source costs much more than a key. */
const DRAWN = 1_024;

const KEYS = new Int32Array(DRAWN);
let next = DRAWN;

/** An unpredictable masking key (RFC 6455 §5.3, §10.3): 32 bits from the system's random source, each used once. */
export function maskKey(): number {
  if (next === DRAWN) {
    randomFillSync(KEYS);
    next = 0;
  }
  return KEYS[next++] as number;
}
