import { constants, createDeflateRaw, type DeflateRaw, deflateRawSync } from 'node:zlib';
import type { CallGuard } from '../calls/index.ts';
import { WebSocketError } from './websocket-error.ts';

/** Bytes that end each flush. The last frame of a message is sent without them (RFC 7692 §7.2.1). */
const TAIL_BYTES = 4;

/** The payload that ends a message if no data is left for its last frame (RFC 7692 §7.2.3.6). */
const EMPTY_BLOCK = Buffer.from([0]);

/** How messages are deflated. */
export interface DeflateOptions {
  /** This side's window as agreed on, 9 to 15. */
  readonly windowBits: number;
  /** zlib's compression level, 1 (fast) to 9 (small). Default: zlib's own, 6. */
  readonly level?: number;
  /** zlib's memory for one stream besides the window, 1 (1 KB) to 9 (256 KB). Default: 8 (128 KB). */
  readonly memLevel?: number;
}

/** How one direction of a connection is deflated. */
export interface DeflaterOptions extends DeflateOptions {
  /** Whether messages refer to earlier ones. If not, no state is kept between messages. */
  readonly contextTakeover: boolean;
}

/** Receives the output of a `Deflater`. Nothing comes after `onDeflaterError`. */
export interface DeflaterSink {
  /**
   * Payload of the next frame of the message; `more` is false for the message's last one. The first frame of a message is to be marked as compressed.
   * A piece makes one frame, or several if it is long.
   */
  onDeflated(payload: Buffer, more: boolean): void;
  /** The whole piece is done: the next one may be written. */
  onDeflaterIdle(): void;
  /** zlib ran out of memory: 1011. The deflater is closed. */
  onDeflaterError(error: WebSocketError): void;
}

/**
 * Deflates the messages sent to one peer (RFC 7692 §7.2.1), piece by piece: each piece is flushed, so that it does not
 * wait for the next one.
 *
 * zlib works in its own thread, so output comes after `write` has returned. The end of a message without a last piece needs no zlib, and comes
 * before. One piece is processed at a time, which keeps the order: from `write` until `onDeflaterIdle` the caller sends no other message,
 * compressed or not, and writes no other piece. Control frames may go between the frames. For a complete message, sent at once or to many
 * peers, there is `deflateMessage`.
 *
 * zlib's memory (about 260 KB with the largest window and the default memory level) is allocated with the first message, and freed by `close`, or
 * after each message without context takeover.
 */
export class Deflater {
  readonly #options: DeflaterOptions;
  readonly #sink: DeflaterSink;
  readonly #guard: CallGuard;
  #stream: DeflateRaw | null = null;
  /** Notes that zlib has flushed the piece. Made once for each stream. */
  #onFlushed: () => void = () => {};
  #busy = false;
  /** Whether zlib has flushed the piece, so that all its output is there. */
  #flushed = false;
  /** Whether the message continues after the piece. */
  #more = false;
  #draining = false;
  #closed = false;

  /** @param guard wraps what zlib calls */
  constructor(options: DeflaterOptions, sink: DeflaterSink, guard: CallGuard) {
    this.#options = options;
    this.#sink = sink;
    this.#guard = guard;
  }

  /** Whether a piece is in progress. */
  get busy(): boolean {
    return this.#busy;
  }

  /**
   * Takes the next piece of a message, which must not change until `onDeflaterIdle`. Not while `busy`, and not once closed.
   * @param more whether the message continues
   */
  write(piece: Buffer, more: boolean): void {
    this.#busy = true;
    if (piece.length === 0) {
      this.#endPiece(more ? null : EMPTY_BLOCK, more);
      return;
    }
    this.#flushed = false;
    this.#more = more;
    const stream = this.#stream ?? this.#open();
    stream.write(piece, this.#onFlushed);
  }

  /** Frees everything; nothing is called after this. */
  close(): void {
    this.#closed = true;
    this.#busy = false;
    this.#release();
  }

  #open(): DeflateRaw {
    const { windowBits, level, memLevel } = this.#options;
    const guard = this.#guard;
    const stream = createDeflateRaw({ windowBits, level, memLevel, flush: constants.Z_SYNC_FLUSH });
    this.#stream = stream;
    const onError = (error: Error) => {
      if (this.#stream !== stream) return;
      this.close();
      this.#sink.onDeflaterError(new WebSocketError(1011, `message cannot be compressed: ${error.message}`));
    };
    stream.on('error', guard(onError));
    stream.on(
      'readable',
      guard(() => this.#drain(stream)),
    );
    this.#onFlushed = guard(() => {
      if (this.#stream !== stream) return;
      this.#flushed = true;
      this.#drain(stream);
    });
    return stream;
  }

  /**
   * Hands over available output. `stream.read` lets zlib call back before it returns, also to report a flush: only this loop reads, so that no call
   * finds its bytes taken.
   */
  #drain(stream: DeflateRaw): void {
    if (this.#draining) return;
    this.#draining = true;
    try {
      while (this.#stream === stream && this.#busy && this.#step(stream)) {}
    } finally {
      this.#draining = false;
    }
  }

  /** Hands over one frame; false if there is nothing to do now. */
  #step(stream: DeflateRaw): boolean {
    if (this.#flushed) {
      this.#flushed = false;
      const output = stream.read() as Buffer;
      this.#endPiece(this.#more ? output : output.subarray(0, -TAIL_BYTES), this.#more);
      return true;
    }
    // zlib waits for output to be taken. What may be the tail is held until it is known not to be.
    const { readableLength, readableHighWaterMark } = stream;
    if (readableLength < readableHighWaterMark) return false;
    this.#sink.onDeflated(stream.read(readableLength - TAIL_BYTES) as Buffer, true);
    return true;
  }

  /** @param output the last frame of the piece, or null for none */
  #endPiece(output: Buffer | null, more: boolean): void {
    if (!more && !this.#options.contextTakeover) this.#release();
    if (output !== null) this.#sink.onDeflated(output, more);
    if (this.#closed) return;
    this.#busy = false;
    this.#sink.onDeflaterIdle();
  }

  #release(): void {
    const stream = this.#stream;
    this.#stream = null;
    stream?.close();
  }
}

/**
 * Deflates one whole message by itself, at once: payload of a single frame to be marked as compressed. It refers to no earlier message, so the same
 * bytes suit every peer with a window of at least `windowBits` that does not use a `Deflater` with context takeover.
 */
export function deflateMessage(message: Buffer, options: DeflateOptions): Buffer {
  if (message.length === 0) return EMPTY_BLOCK;
  return deflateRawSync(message, { ...options, finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -TAIL_BYTES);
}
