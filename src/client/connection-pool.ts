import type { Http1Limits } from '../codec/http1/index.ts';
import type { Log } from '../exchange/index.ts';
import type { TimerWheel } from '../net/index.ts';
import { type ConnectionUser, type Origin, OriginConnection } from './origin-connection.ts';

/** What a pool needs to know. */
export interface ConnectionPoolOptions {
  readonly wheel: TimerWheel;
  readonly log: Log;
  readonly http1Limits: Http1Limits;
  /** Milliseconds that a connection waits for its next request at most. */
  readonly idleTimeout: number;
  /** Connections per origin that wait at most; 0 keeps none. */
  readonly maxIdle: number;
}

/**
 * The connections that wait for their next request, by origin. The one that came back last is taken first: it is the least
 * likely to have gone stale, and under less load the others expire.
 */
export class ConnectionPool implements ConnectionUser {
  /** Those of one origin, the last one put in at the end. An empty stack stays only while a connection from it is in use. */
  readonly #idle = new Map<string, OriginConnection[]>();
  readonly #options: ConnectionPoolOptions;
  #closed = false;

  constructor(options: ConnectionPoolOptions) {
    this.#options = options;
  }

  /** A new connection for `user`, not yet connected. */
  open(origin: Origin, name: string, user: ConnectionUser): OriginConnection {
    return new OriginConnection(origin, name, user, this.#options.wheel, this.#options.http1Limits);
  }

  /** The connection that came back last, for `user`; null when there is none, or none within the last `maxAge` milliseconds. */
  take(name: string, maxAge: number, user: ConnectionUser): OriginConnection | null {
    const stack = this.#idle.get(name);
    if (stack === undefined) return null;
    for (;;) {
      const connection = stack.at(-1);
      if (connection === undefined || this.#options.wheel.now - connection.idleSince > maxAge) return null;
      if (connection.expired) {
        this.discard(connection);
        continue;
      }
      stack.pop();
      connection.user = user;
      return connection;
    }
  }

  /** Takes back a connection on which nothing is in flight; `maxTime` is the origin's own bound in milliseconds. */
  put(connection: OriginConnection, maxTime: number): void {
    const { wheel, idleTimeout, maxIdle } = this.#options;
    const time = Math.min(idleTimeout, maxTime);
    if (this.#closed || maxIdle === 0 || time <= 0) {
      this.discard(connection);
      return;
    }
    let stack = this.#idle.get(connection.name);
    if (stack === undefined) {
      stack = [];
      this.#idle.set(connection.name, stack);
    } else if (stack.length >= maxIdle) {
      // The one that has waited longest gives way.
      (stack.shift() as OriginConnection).destroy();
    }
    stack.push(connection);
    connection.user = this;
    connection.reused = true;
    connection.idleSince = wheel.now;
    connection.expireIn(time);
    connection.resume();
  }

  /** Closes a connection, whether it waits here or was taken or opened here. */
  discard(connection: OriginConnection): void {
    connection.destroy();
    const stack = this.#idle.get(connection.name);
    if (stack === undefined) return;
    const index = stack.indexOf(connection);
    if (index >= 0) stack.splice(index, 1);
    if (stack.length === 0) this.#idle.delete(connection.name);
  }

  /** Closes what waits, and from now on whatever comes back. */
  close(): void {
    this.#closed = true;
    for (const stack of this.#idle.values()) {
      for (const connection of stack) connection.destroy();
    }
    this.#idle.clear();
  }

  onConnected(): void {}

  onInput(connection: OriginConnection, input: Buffer): void {
    // RFC 9112 §9.2: bytes that no request asked for belong to no response; the connection is not to be trusted any more.
    const { log } = this.#options;
    if (log.debugEnabled) {
      log.debug({ origin: connection.name, bytes: input.length }, 'origin sent bytes on an idle connection: closed');
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
}
