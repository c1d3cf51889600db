import type { TimerWheel } from '../clock/index.ts';
import type { Http1Limits } from '../codec/http1/index.ts';
import { type Log, type OriginCounters, reportFault } from '../exchange/index.ts';
import type { Dialler } from '../net/index.ts';
import type { Origin } from './origin.ts';
import { type ConnectionUser, OriginConnection } from './origin-connection.ts';

/** Settings of a pool. Times in milliseconds. */
export interface ConnectionPoolOptions {
  readonly dialler: Dialler;
  readonly wheel: TimerWheel;
  readonly counters: OriginCounters;
  readonly log: Log;
  readonly http1Limits: Http1Limits;
  /** How long a connection may wait for its next request. */
  readonly idleTimeout: number;
  /** Age, counted from the start of its dial, after which a connection gets no more requests; 0 for no limit. */
  readonly maxAge: number;
  /** Idle connections for each key; 0 keeps none. */
  readonly maxIdle: number;
  /** Idle connections in all; 0 keeps none. */
  readonly maxTotal: number;
}

/**
 * The idle connections, by origin key: requests with another key, such as different certificate checks or another guard, get connections of
 * their own. The most recently returned one is used first: it is the least likely to be stale, and under less load the others expire.
 */
export class ConnectionPool implements ConnectionUser {
  /** Connections by key, the newest last. An empty stack stays only while a connection from it is in use. */
  readonly #stacks = new Map<string, OriginConnection[]>();
  #options: ConnectionPoolOptions;
  /** Both ends of the list of all idle connections, in the order in which they came back. */
  #oldest: OriginConnection | null = null;
  #newest: OriginConnection | null = null;
  #waiting = 0;
  #closed = false;

  constructor(options: ConnectionPoolOptions) {
    this.#options = options;
  }

  /** Takes other options for the connections that are opened, or come back, from now on. */
  configure(options: ConnectionPoolOptions): void {
    this.#options = options;
  }

  /** A new connection for `user`, not yet connected. */
  open(origin: Origin, user: ConnectionUser): OriginConnection {
    const { dialler, wheel, http1Limits } = this.#options;
    return new OriginConnection(origin, user, dialler, wheel, http1Limits);
  }

  /**
   * Takes the most recently returned connection for `user`; null if none was returned within the last `within` milliseconds.
   */
  take(origin: Origin, within: number, user: ConnectionUser): OriginConnection | null {
    const stack = this.#stacks.get(origin.key);
    if (stack === undefined) return null;
    for (;;) {
      const connection = stack.at(-1);
      if (connection === undefined || this.#options.wheel.now - connection.idleSince > within) return null;
      if (connection.expired) {
        this.discard(connection);
        continue;
      }
      stack.pop();
      this.#unlink(connection);
      connection.user = user;
      return connection;
    }
  }

  /** Takes back a connection with nothing in flight; `maxTime` is the origin's own limit in milliseconds. */
  put(connection: OriginConnection, maxTime: number): void {
    const { wheel, idleTimeout, maxAge, maxIdle, maxTotal } = this.#options;
    const { key } = connection.origin;
    let time = Math.min(idleTimeout, maxTime);
    // Addresses of a name change, and only a new connection notices.
    if (maxAge > 0) time = Math.min(time, connection.openedAt + maxAge - wheel.now);
    if (this.#closed || maxIdle === 0 || maxTotal === 0 || time <= 0) {
      this.discard(connection);
      return;
    }
    let stack = this.#stacks.get(key);
    // Close the one that has waited longest.
    let surplus = this.#waiting >= maxTotal ? this.#oldest : null;
    if (stack !== undefined && stack.length >= maxIdle) surplus = stack[0] as OriginConnection;
    if (surplus !== null) {
      this.discard(surplus);
      stack = this.#stacks.get(key);
    }
    if (stack === undefined) {
      stack = [];
      this.#stacks.set(key, stack);
    }
    stack.push(connection);
    this.#link(connection);
    connection.user = this;
    connection.reused = true;
    connection.idleSince = wheel.now;
    connection.expireIn(time);
    connection.resume();
  }

  /** Closes a connection, whether idle, taken or opened here. */
  discard(connection: OriginConnection): void {
    connection.destroy();
    if (connection.user === this) this.#unlink(connection);
    const { key } = connection.origin;
    const stack = this.#stacks.get(key);
    if (stack === undefined) return;
    const index = stack.indexOf(connection);
    if (index >= 0) stack.splice(index, 1);
    if (stack.length === 0) this.#stacks.delete(key);
  }

  /** Closes the idle connections and, from now on, each returned one. */
  close(): void {
    this.#closed = true;
    while (this.#oldest !== null) this.discard(this.#oldest);
  }

  onConnected(): void {}

  onDialFailed(): void {}

  onInput(connection: OriginConnection, input: Buffer): void {
    // RFC 9112 §9.2: bytes without a request belong to no response, so the connection can no longer be trusted.
    const { log } = this.#options;
    if (log.debugEnabled) {
      const fields = { origin: connection.origin.name, bytes: input.length };
      log.debug(fields, 'origin sent bytes on an idle connection: closed');
    }
    this.discard(connection);
  }

  onDrain(): void {}

  onDeadline(connection: OriginConnection): void {
    this.discard(connection);
  }

  onLost(connection: OriginConnection): void {
    this.discard(connection);
  }

  onConnectionFault(connection: OriginConnection, thrown: unknown): void {
    reportFault(this.#options, thrown, { origin: connection.origin.name });
    this.discard(connection);
  }

  #link(connection: OriginConnection): void {
    const newest = this.#newest;
    connection.older = newest;
    if (newest === null) this.#oldest = connection;
    else newest.newer = connection;
    this.#newest = connection;
    this.#waiting++;
  }

  #unlink(connection: OriginConnection): void {
    const { older, newer } = connection;
    if (older === null) this.#oldest = newer;
    else older.newer = newer;
    if (newer === null) this.#newest = older;
    else newer.older = older;
    connection.older = null;
    connection.newer = null;
    this.#waiting--;
  }
}
