/** The longest delay, without its random part. */
const LONGEST_DELAY = 32_000;

/**
 * Milliseconds to wait before something that failed is tried again: a second, doubled with each failure before up to 32, and up to one more at
 * random, so that the many that failed together do not all return at once.
 * @param failures how many attempts had failed before the one that failed now
 */
export function retryDelay(failures: number): number {
  return Math.min(LONGEST_DELAY, 1_000 * 2 ** failures) + Math.random() * 1_000;
}
