/**
 * Wraps a function that the event loop calls, so that an exception ends only what the call was for. The room that uses a codec with callbacks
 * (zlib) supplies it.
 */
export type CallGuard = <A extends unknown[]>(call: (...args: A) => void) => (...args: A) => void;
