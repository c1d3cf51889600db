/** Milliseconds before a process that has died is replaced; doubled with each one in a row that has not lived long. */
const FIRST_DELAY = 500;
const LONGEST_DELAY = 30_000;

/** Milliseconds after which a process counts as one that works. */
const LONG_LIFE = 10_000;

/** How long the replacement of a process has to wait: ever longer while replacements fail. */
export class RestartDelay {
  #failures = 0;

  /**
   * The delay before the next start.
   * @param lifetime milliseconds that the last process has served; 0 if it never did
   */
  next(lifetime: number): number {
    this.#failures = lifetime >= LONG_LIFE ? 0 : this.#failures + 1;
    return Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** Math.max(0, this.#failures - 1));
  }
}
