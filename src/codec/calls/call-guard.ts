/**
 * Wraps a function that the event loop calls, so that an exception ends only what the call was for. Codecs that call back later
 * (zlib) are given one by the room that uses them.
 */
export type CallGuard = <A extends unknown[]>(call: (...args: A) => void) => (...args: A) => void;
