import { createHash } from 'node:crypto';
import { TokenBucket } from '../exchange/index.ts';
import { networkOf } from '../net/index.ts';

/** Wrong passwords that one address may try at once, and how many a second after that. */
const BURST = 10;
const RATE = 0.2;

/**
 * Addresses whose wrong passwords are counted. Beyond it the one that tried longest ago is forgotten.
 * @bound control-login-addresses
 */
const MAX_ADDRESSES = 4_096;

/**
 * Right credentials that are remembered with their address. Beyond it the ones that were used longest ago are forgotten.
 * @bound control-known-credentials
 */
const MAX_KNOWN = 1_024;

/**
 * Slows down whoever guesses passwords. Once an address has tried too many wrong ones, only credentials that were right before, from the same
 * address, are looked at: so its other programs go on.
 */
export class LoginAttempts {
  readonly #buckets = new Map<string, TokenBucket>();
  /** The one that was used longest ago comes first. */
  readonly #known = new Set<string>();
  readonly #now: () => number;

  /** @param now milliseconds of a clock that never goes back */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Seconds that an address has to wait before it may try these credentials; 0 if it may now. */
  wait(address: string, credentials: Buffer): number {
    const bucket = this.#buckets.get(networkOf(address));
    if (bucket === undefined || this.#known.has(keyOf(address, credentials))) return 0;
    return bucket.has(RATE, BURST, this.#now()) ? 0 : Math.ceil(bucket.wait(RATE) / 1_000);
  }

  /** The credentials were wrong. */
  failed(address: string): void {
    const network = networkOf(address);
    const bucket = this.#buckets.get(network) ?? new TokenBucket();
    this.#buckets.delete(network);
    this.#buckets.set(network, bucket);
    bucket.take(RATE, BURST, this.#now());
    dropFirst(this.#buckets, MAX_ADDRESSES);
  }

  /** The credentials were right. */
  succeeded(address: string, credentials: Buffer): void {
    const key = keyOf(address, credentials);
    this.#known.delete(key);
    this.#known.add(key);
    dropFirst(this.#known, MAX_KNOWN);
  }
}

/** Credentials are kept as a hash only. */
function keyOf(address: string, credentials: Buffer): string {
  return `${address} ${createHash('sha256').update(credentials).digest('base64')}`;
}

function dropFirst(kept: Map<string, unknown> | Set<string>, max: number): void {
  if (kept.size <= max) return;
  const [first] = kept.keys();
  kept.delete(first as string);
}
