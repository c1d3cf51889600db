/**
 * What becomes of a client whose queue is full. `catch_up`: it gets items from the log when it has taken what waits; those of channels that are not kept are
 * dropped. `drop`: items are dropped for it. `close`: its stream or WebSocket ends.
 */
export type SlowPolicy = 'catch_up' | 'drop' | 'close';
