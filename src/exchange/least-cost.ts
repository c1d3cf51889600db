/**
 * Bytes that anything which waits in memory is charged at least, whatever it holds, so that a flood of empty ones is bounded too. The text of
 * many bounds names it.
 */
export const LEAST_COST = 256;
