import type { Socket } from 'node:net';
import { DeadlineTimer, fault, type TimerWheel } from '../clock/index.ts';
import { type Http1Limits, ResponseHeadReader } from '../codec/http1/index.ts';
import type { DialError, Dialler, Dialling, DialSink } from '../net/index.ts';
import type { Origin } from './origin.ts';

/** The current user of a connection: the exchange on it, or the pool it waits in. */
export interface ConnectionUser {
  onConnected(connection: OriginConnection): void;
  /** The connection failed: the last call. */
  onDialFailed(connection: OriginConnection, error: DialError): void;
  /** @param owned `input` belongs to the user from now on; otherwise it is reused, and valid only during this call */
  onInput(connection: OriginConnection, input: Buffer, owned: boolean): void;
  /** Everything written has been accepted. */
  onDrain(connection: OriginConnection): void;
  /** The time set by `expireIn` has passed. */
  onDeadline(connection: OriginConnection): void;
  /** The origin or the network ended the open connection: the last call. `error` is null for an orderly end. */
  onLost(connection: OriginConnection, error: Error | null): void;
  /** A call of this user has thrown, perhaps after it released the connection. Later users of the connection are unaffected. */
  onConnectionFault(connection: OriginConnection, thrown: unknown): void;
}

/** Bytes per read unless much comes. */
const READ_BYTES = 65_536;

/**
 * The most bytes per read: this many can wait for the requester's credits.
 * @bound origin-read-ahead
 */
const MAX_READ_BYTES = 262_144;

/**
 * Connections without TLS read into this buffer: data is handled before the next read, and copied if it must stay. That saves an allocation
 * of this size per read. After a read that filled it, as in a long body, a connection reads into a buffer of its own and gives that
 * away: copying that much costs more than the allocation.
 */
const READ_BUFFER = Buffer.allocUnsafeSlow(READ_BYTES);

/**
 * One connection to an origin. Its listeners are attached once; its user changes. It is its own timer, with one deadline, checked lazily:
 * moving the deadline further away, as every request does, is one write.
 */
export class OriginConnection extends DeadlineTimer implements DialSink {
  readonly origin: Origin;
  readonly heads: ResponseHeadReader;
  user: ConnectionUser;
  /** When the dial started, by the wheel's clock. */
  readonly openedAt: number;
  /** Whether it has carried an exchange before. */
  reused = false;
  /** When it was returned to the pool, by the wheel's clock. */
  idleSince = 0;
  /** Its neighbours among the idle connections of the pool; only the pool writes them. */
  older: OriginConnection | null = null;
  newer: OriginConnection | null = null;
  readonly #dialling: Dialling;
  /** Null until connected. */
  #socket: Socket | null = null;
  /** Why writing failed; data that has arrived can still be read. */
  #writeError: Error | null = null;
  #paused = false;
  #gone = false;
  /** Bytes per read while much comes. */
  #readBytes = READ_BYTES;
  /** Whether the last read could have filled the shared buffer. */
  #muchComes = false;

  constructor(origin: Origin, user: ConnectionUser, dialler: Dialler, wheel: TimerWheel, limits: Http1Limits) {
    super(wheel);
    this.origin = origin;
    this.heads = new ResponseHeadReader(limits);
    this.user = user;
    this.openedAt = wheel.now;
    this.#dialling = dialler.dial(origin, this, {
      buffer: () => (this.#muchComes ? Buffer.allocUnsafeSlow(this.#readBytes) : READ_BUFFER),
      callback: (length, buffer) => {
        this.#muchComes = length >= READ_BYTES;
        // A small part of a large buffer is copied, so that it does not keep the buffer.
        const owned = buffer !== READ_BUFFER && length > buffer.length / 2;
        if (!this.#gone) this.#input((buffer as Buffer).subarray(0, length), owned);
        return true;
      },
    });
  }

  get connected(): boolean {
    return this.#socket !== null;
  }

  onConnected(socket: Socket): void {
    this.#socket = socket;
    keepReadable(socket, (error) => {
      this.#writeError ??= error;
    });
    socket.on('drain', () => this.#drained());
    socket.on('end', () => this.#lose(this.#writeError ?? resetBehindEnd(socket)));
    socket.on('error', (error) => this.#lose(error));
    socket.on('close', () => this.#lose(new Error('connection closed')));
    this.user.onConnected(this);
  }

  onDialFailed(error: DialError): void {
    this.#gone = true;
    this.stopTimer();
    this.user.onDialFailed(this, error);
  }

  /**
   * Makes reads of long bodies as large as what the requester takes at once, from 64 KB to 256 KB: what is read together leaves together, in one
   * packet where the requester is behind ZeroMQ.
   * @param credits bytes that the requester accepts after its last grant
   */
  readFor(credits: number): void {
    this.#readBytes = Math.min(Math.max(credits, READ_BYTES), MAX_READ_BYTES);
  }

  /** Calls `onDeadline` in `ms` milliseconds, replacing the previous deadline; 0 for never. */
  expireIn(ms: number): void {
    if (this.#gone) return;
    if (ms === 0) this.clearDeadline();
    else this.setDeadline(ms / 1_000);
  }

  protected override onDeadline(): void {
    this.user.onDeadline(this);
  }

  /** Writes bytes, or latin1 text. Returns false if the origin should accept data first: `onDrain` follows. */
  write(data: Buffer | string): boolean {
    const socket = this.#socket as Socket;
    return typeof data === 'string' ? socket.write(data, 'latin1') : socket.write(data);
  }

  /** Holds back what is written until `uncork`, to send it in one system call. */
  cork(): void {
    this.#socket?.cork();
  }

  uncork(): void {
    this.#socket?.uncork();
  }

  /** Stops reading, so that TCP flow control holds the origin back; harmless when repeated. */
  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#socket?.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#socket?.resume();
  }

  /** Closes at once, or gives up connecting. The user is not called again. */
  destroy(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.stopTimer();
    if (this.#socket === null) this.#dialling.cancel();
    else this.#socket.destroy();
  }

  // The event loop calls what follows. An exception is reported to the user that was called, as it may have released the connection meanwhile,
  // which then waits in the pool or carries another exchange.

  #input(input: Buffer, owned: boolean): void {
    const { user } = this;
    try {
      user.onInput(this, input, owned);
    } catch (thrown) {
      this.#fault(user, thrown);
    }
  }

  #drained(): void {
    if (this.#gone) return;
    const { user } = this;
    try {
      user.onDrain(this);
    } catch (thrown) {
      this.#fault(user, thrown);
    }
  }

  #lose(error: Error | null): void {
    if (this.#gone) return;
    const { user } = this;
    try {
      this.destroy();
      user.onLost(this, error);
    } catch (thrown) {
      this.#fault(user, thrown);
    }
  }

  #fault(user: ConnectionUser, thrown: unknown): void {
    fault({ onFault: (cause) => user.onConnectionFault(this, cause) }, thrown);
  }

  /** A call of the dialler or of the timer has thrown. */
  override onFault(thrown: unknown): void {
    this.user.onConnectionFault(this, thrown);
  }
}

/**
 * Reports the error of a failed write to `onError` instead of the socket. The socket would destroy itself, and with it data that has arrived
 * but was not read yet: the response of an origin that rejects the rest of a request and closes (RFC 9112 §9.5). The end of the socket,
 * or a read error, follows after that has been read.
 */
function keepReadable(socket: Socket, onError: (error: Error) => void): void {
  // Node passes the same callback to every write of a stream, so one wrapper is enough.
  let written: (error?: Error | null) => void = () => {};
  const onWritten = (error?: Error | null): void => {
    if (error != null && isReset(error)) onError(error);
    else written(error);
  };
  const { _write, _writev } = socket;
  socket._write = (chunk, encoding, callback) => {
    written = callback;
    _write.call(socket, chunk, encoding, onWritten);
  };
  if (_writev === undefined) return;
  socket._writev = (chunks, callback) => {
    written = callback;
    _writev.call(socket, chunks, onWritten);
  };
}

/**
 * The reset that came right after the last bytes, or null for an orderly end: libuv reports both as the end, if it learns of the reset while
 * it reads these bytes. But a reset connection has no peer, so the system does not report its address. That works only if the address
 * was not read before, because Node caches it.
 */
function resetBehindEnd(socket: Socket): Error | null {
  if (socket.remoteAddress !== undefined) return null;
  return Object.assign(new Error('connection reset'), { code: 'ECONNRESET' });
}

function isReset({ code }: NodeJS.ErrnoException): boolean {
  return code === 'EPIPE' || code === 'ECONNRESET';
}
