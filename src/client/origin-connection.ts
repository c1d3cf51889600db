import type { Socket } from 'node:net';
import { type Http1Limits, ResponseHeadReader } from '../codec/http1/index.ts';
import { DeadlineTimer, dial, type TimerWheel } from '../net/index.ts';

/** Where requests are sent to. */
export interface Origin {
  /** A name, or an IPv4 or IPv6 literal, with or without brackets. */
  readonly host: string;
  /** 1 to 65535. */
  readonly port: number;
}

/** Who has a connection at the moment: the exchange on it, or the pool it waits in. */
export interface ConnectionUser {
  onConnected(connection: OriginConnection): void;
  /** `input` lies in a buffer that every connection reads into: it is valid during this call only. */
  onInput(connection: OriginConnection, input: Buffer): void;
  /** Everything written has been taken. */
  onDrain(connection: OriginConnection): void;
  /** The time set by `expireIn` has passed. */
  onDeadline(connection: OriginConnection): void;
  /** The connection has gone by itself: the last call. `error` is null when the origin ended it in order. */
  onLost(connection: OriginConnection, error: Error | null): void;
}

/**
 * Every connection reads into this one: what arrives is dealt with before the next read, and what must stay is copied. It saves
 * an allocation of this size with every read.
 */
const READ_BUFFER = Buffer.allocUnsafeSlow(65_536);

/**
 * One TCP connection to an origin. Its listeners are attached once; who uses it changes. It is its own timer, with one deadline
 * at a time that is looked at lazily: moving the deadline further away, as every request does, is one write.
 */
export class OriginConnection extends DeadlineTimer {
  /** The origin's `host:port`. */
  readonly name: string;
  readonly heads: ResponseHeadReader;
  user: ConnectionUser;
  connected = false;
  /** Whether it has carried an exchange before. */
  reused = false;
  /** When it was given back to the pool, by the wheel's clock. */
  idleSince = 0;
  readonly #socket: Socket;
  #paused = false;
  #gone = false;

  constructor(origin: Origin, name: string, user: ConnectionUser, wheel: TimerWheel, limits: Http1Limits) {
    super(wheel);
    this.name = name;
    this.heads = new ResponseHeadReader(limits);
    this.user = user;
    this.#socket = dial(origin.host, origin.port, {
      buffer: READ_BUFFER,
      callback: (length) => {
        if (!this.#gone) this.user.onInput(this, READ_BUFFER.subarray(0, length));
        return true;
      },
    });
    this.#socket.on('connect', () => {
      if (this.#gone) return;
      this.connected = true;
      this.user.onConnected(this);
    });
    this.#socket.on('drain', () => {
      if (!this.#gone) this.user.onDrain(this);
    });
    this.#socket.on('end', () => this.#lose(null));
    this.#socket.on('error', (error) => this.#lose(error));
    this.#socket.on('close', () => this.#lose(new Error('connection closed')));
  }

  /** Lets `onDeadline` be called in `ms` milliseconds, instead of what was set before; 0 for never. */
  expireIn(ms: number): void {
    if (this.#gone) return;
    if (ms === 0) this.clearDeadline();
    else this.setDeadline(ms / 1_000);
  }

  protected override onDeadline(): void {
    this.user.onDeadline(this);
  }

  /** Writes bytes, or latin1 text. Returns false when the origin should take some first: `onDrain` follows. */
  write(data: Buffer | string): boolean {
    return typeof data === 'string' ? this.#socket.write(data, 'latin1') : this.#socket.write(data);
  }

  /** Holds back what is written until `uncork`, to leave in one system call. */
  cork(): void {
    this.#socket.cork();
  }

  uncork(): void {
    this.#socket.uncork();
  }

  /** Stops reading, so that the origin is held back by TCP's own flow control; harmless when repeated. */
  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#socket.resume();
  }

  /** Closes at once. Its user hears nothing more. */
  destroy(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.stopTimer();
    this.#socket.destroy();
  }

  #lose(error: Error | null): void {
    if (this.#gone) return;
    this.destroy();
    this.user.onLost(this, error);
  }
}
