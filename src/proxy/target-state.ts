import type { ProxyTarget } from './proxy-target.ts';

/** Milliseconds for which a target is passed over after its first failed connection. It doubles with each probe that fails. */
const FIRST_BACK_OFF = 1_000;
const MAX_BACK_OFF = 30_000;

/** A target, and what requests and WebSockets have shown about it. */
export class TargetState {
  readonly target: ProxyTarget;
  /** Requests and WebSockets that it has now. */
  requests = 0;
  /** Failures in a row: the first one, and each probe since. 0 while it is in order. */
  #failures = 0;
  /** Until when it is passed over, in milliseconds. */
  #retryAt = 0;
  /** The request that is finding out whether it is back. */
  #probe: object | null = null;

  /** Whether it failed its last check. */
  #checkFailed = false;

  constructor(target: ProxyTarget) {
    this.target = target;
  }

  get suspect(): boolean {
    return this.#failures > 0 || this.#checkFailed;
  }

  /** Whether a request may find out now if it is back. */
  mayBeProbed(now: number): boolean {
    // While its check fails, the next check finds out.
    return !this.#checkFailed && this.#probe === null && now >= this.#retryAt;
  }

  /** It gets a request, which finds out whether it is back, unless another one does. */
  begin(request: object): void {
    this.requests++;
    if (this.suspect) this.#probe ??= request;
  }

  /** The request is over, or another target gets it. */
  end(request: object): void {
    this.requests--;
    if (this.#probe === request) this.#probe = null;
  }

  /** It took a connection. */
  succeed(): void {
    this.#failures = 0;
    this.#probe = null;
  }

  /** No connection could be made. All requests that were on their way when it went down fail, which is one outage: only the first one counts. */
  fail(request: object, now: number): void {
    if (this.#failures > 0 && this.#probe !== request) return;
    this.#retryAt = now + Math.min(MAX_BACK_OFF, FIRST_BACK_OFF * 2 ** this.#failures);
    // Beyond that the back-off does not grow any more.
    if (this.#failures < 16) this.#failures++;
  }

  /** It passed a check, or not. Returns whether that is news: it passes where requests or the last check failed, or it fails for the first time. */
  checked(passed: boolean): boolean {
    const news = passed ? this.suspect : !this.#checkFailed;
    this.#checkFailed = !passed;
    if (passed) this.succeed();
    return news;
  }
}
