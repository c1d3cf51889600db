import { KeySet, type TokenClaims, TokenError, type TokenKeys, type TokenRules } from '../../codec/grip/index.ts';
import { type Counters, type Log, shownTarget } from '../../exchange/index.ts';

/**
 * Bytes of a JSON Web Key Set, decoded.
 * @bound key-set
 */
export const MAX_KEY_SET_BYTES = 262_144;

/** Time in milliseconds for fetching a key set. Requests may wait for it. */
export const KEY_SET_TIMEOUT = 5_000;

/** Milliseconds after which keys are fetched again. */
const MAX_AGE = 600_000;

/** Milliseconds between two attempts to fetch keys, whatever tokens come. */
const LEAST_PAUSE = 10_000;

/** What keys are fetched with. */
export interface JwksRoom {
  /** Fetches a document of at most `MAX_KEY_SET_BYTES` within `KEY_SET_TIMEOUT`, or throws an Error that says why not. */
  readonly fetch: (url: string) => Promise<Buffer>;
  readonly counters: Counters;
  readonly log: Log;
  /** A clock in milliseconds that never goes back. */
  readonly now?: () => number;
}

/** The keys that are published at a URL. Requests wait for them only while there are none, or when their token names a new one. */
export class JwksKeys implements TokenKeys {
  readonly #url: string;
  readonly #room: JwksRoom;
  readonly #now: () => number;
  /** The last ones that could be fetched; null before that. */
  #keys: KeySet | null = null;
  #fetchedAt = Number.NEGATIVE_INFINITY;
  #triedAt = Number.NEGATIVE_INFINITY;
  #fetching: Promise<KeySet | null> | null = null;

  constructor(url: string, room: JwksRoom) {
    this.#url = url;
    this.#room = room;
    this.#now = room.now ?? (() => performance.now());
  }

  async claims(token: string, rules: TokenRules): Promise<TokenClaims> {
    const known = this.#keys;
    if (known === null) {
      const keys = await this.#refresh();
      if (keys === null) throw new TokenError('no-keys', `there are no keys from ${shownTarget(this.#url)}`);
      return keys.claims(token, rules);
    }
    if (this.#now() - this.#fetchedAt > MAX_AGE) this.#refresh();
    try {
      return await known.claims(token, rules);
    } catch (error) {
      if (!(error instanceof TokenError) || error.problem !== 'unknown-key') throw error;
      const keys = await this.#refresh();
      if (keys === known || keys === null) throw error;
      return keys.claims(token, rules);
    }
  }

  /** The keys after they were fetched again, unless that was tried a moment ago. */
  #refresh(): Promise<KeySet | null> {
    if (this.#fetching !== null) return this.#fetching;
    const now = this.#now();
    if (now - this.#triedAt < LEAST_PAUSE) return Promise.resolve(this.#keys);
    this.#triedAt = now;
    this.#fetching = this.#fetch();
    return this.#fetching;
  }

  /** Never rejects: the keys stay what they were if this fails. */
  async #fetch(): Promise<KeySet | null> {
    const { fetch, counters, log } = this.#room;
    try {
      this.#keys = new KeySet(await fetch(this.#url));
      this.#fetchedAt = this.#now();
    } catch (error) {
      counters.keySetsFailed++;
      const detail = error instanceof Error ? error.message : String(error);
      log.warn({ url: shownTarget(this.#url), detail }, 'keys for tokens cannot be fetched');
    }
    this.#fetching = null;
    return this.#keys;
  }
}
