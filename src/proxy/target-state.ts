import type { ProxyTarget } from './proxy-target.ts';

/** Milliseconds for which a target is passed over after its first failed connection. It doubles with each further one. */
const FIRST_BACK_OFF = 1_000;
const MAX_BACK_OFF = 30_000;

/** A target, and what requests have shown about it. */
export class TargetState {
  readonly target: ProxyTarget;
  /** Requests that it has now. */
  requests = 0;
  /** Failed connections in a row; 0 while it is in order. */
  #failures = 0;
  /** Until when it is passed over, in milliseconds. */
  #retryAt = 0;
  /** Whether one request is finding out if it is back. */
  #probed = false;

  constructor(target: ProxyTarget) {
    this.target = target;
  }

  get suspect(): boolean {
    return this.#failures > 0;
  }

  /** Whether a request may find out now if it is back. */
  mayBeProbed(now: number): boolean {
    return !this.#probed && now >= this.#retryAt;
  }

  /** It gets a request. Returns whether that finds out if it is back. */
  begin(): boolean {
    this.requests++;
    if (!this.suspect || this.#probed) return false;
    this.#probed = true;
    return true;
  }

  /** The request is over, or another target gets it. */
  end(probe: boolean): void {
    this.requests--;
    if (probe) this.#probed = false;
  }

  /** It took a connection. */
  succeed(): void {
    this.#failures = 0;
  }

  /** No connection could be made. */
  fail(now: number): void {
    this.#retryAt = now + Math.min(MAX_BACK_OFF, FIRST_BACK_OFF * 2 ** this.#failures);
    // Beyond that the back-off does not grow any more.
    if (this.#failures < 16) this.#failures++;
  }
}
