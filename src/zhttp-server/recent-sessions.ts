import { LEAST_COST } from '../exchange/index.ts';

/**
 * Bytes that the ids of sessions that ended a moment ago, and the addresses of requesters that had sessions by ROUTER, may take, each
 * counted with at least 256. At the bound the oldest half is forgotten.
 * @bound zhttp-recent-sessions
 */
export const MAX_RECENT_BYTES = 8_388_608;

/** Milliseconds for which an ended session is remembered at least, unless there are too many. */
export const RECENT_TIME = 5_000;

/**
 * Remembers for a few seconds which sessions have ended, and which requesters are reached over the ROUTER socket.
 *
 * A late keep-alive or credit crosses the last packet of its session. A `cancel` in reply to it may come by another socket than that
 * last packet, and overtake it: the requester would take a complete response for one that was cancelled.
 */
export class RecentSessions {
  #young = new Set<string>();
  #old = new Set<string>();
  #bytes = 0;
  /** When `#young` was begun. */
  #since = 0;
  /** Open sessions of each requester that is reached over the ROUTER socket. */
  readonly #open = new Map<string, number>();
  /** Such requesters whose sessions have ended. */
  #youngRouters = new Set<string>();
  #oldRouters = new Set<string>();

  /** A session with a requester that is reached over the ROUTER socket has begun. */
  beginByRouter(from: string): void {
    this.#open.set(from, (this.#open.get(from) ?? 0) + 1);
  }

  /** That session has ended, or belongs to another requester. @param now milliseconds */
  endByRouter(from: string, now: number): void {
    this.#age(now);
    const left = (this.#open.get(from) ?? 1) - 1;
    if (left > 0) this.#open.set(from, left);
    else this.#open.delete(from);
    if (this.#youngRouters.has(from)) return;
    this.#youngRouters.add(from);
    this.#bytes += Math.max(LEAST_COST, from.length);
  }

  /** @param key names the session @param now milliseconds */
  ended(key: string, now: number): void {
    this.#age(now);
    this.#young.add(key);
    this.#bytes += Math.max(LEAST_COST, key.length);
  }

  /** Whether a session has just ended. */
  has(key: string, now: number): boolean {
    this.#age(now);
    return this.#young.has(key) || this.#old.has(key);
  }

  /** Whether the requester is reached over the ROUTER socket. */
  byRouter(from: string): boolean {
    return this.#open.has(from) || this.#youngRouters.has(from) || this.#oldRouters.has(from);
  }

  #age(now: number): void {
    if (this.#bytes < MAX_RECENT_BYTES / 2 && now - this.#since < RECENT_TIME) return;
    // Both are forgotten when nothing has ended for longer.
    const forgotten = now - this.#since >= 2 * RECENT_TIME;
    this.#old = forgotten ? new Set() : this.#young;
    this.#oldRouters = forgotten ? new Set() : this.#youngRouters;
    this.#young = new Set();
    this.#youngRouters = new Set();
    this.#bytes = 0;
    this.#since = now;
  }
}
