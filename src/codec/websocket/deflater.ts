import { constants, createDeflateRaw, type DeflateRaw, deflateRawSync } from 'node:zlib';
import { WebSocketError } from './websocket-error.ts';

/** Bytes that each flush ends with, and that the last frame of a message is sent without (RFC 7692 §7.2.1). */
const TAIL_BYTES = 4;

/** What is sent for nothing when only the end of a message is left (RFC 7692 §7.2.3.6). */
const EMPTY_BLOCK = Buffer.from([0]);

/** How messages are deflated. */
export interface DeflateOptions {
  /** This side's window as agreed on, 9 to 15. */
  readonly windowBits: number;
  /** zlib's effort, 1 (fast) to 9 (small). Default: zlib's own choice, 6. */
  readonly level?: number;
  /** zlib's memory for one stream besides the window, 1 (1 KB) to 9 (256 KB). Default: 8 (128 KB). */
  readonly memLevel?: number;
}

/** How one direction of a connection is deflated. */
export interface DeflaterOptions extends DeflateOptions {
  /** Whether messages refer to former ones. If not, nothing is kept between messages. */
  readonly contextTakeover: boolean;
}

/** Takes what a `Deflater` makes. After `onDeflaterError` nothing comes any more. */
export interface DeflaterSink {
  /**
   * Payload of the next frame of the message; `more` is false for the message's last one. The first frame of a message is the one
   * to be marked as compressed. A piece gives one frame, or several if it is long.
   */
  onDeflated(payload: Buffer, more: boolean): void;
  /** All of the piece is out: the next one may be written. */
  onDeflaterIdle(): void;
  /** zlib failed, for want of memory: 1011. The deflater is closed. */
  onDeflaterError(error: WebSocketError): void;
}

/**
 * Deflates the messages that are sent to one peer (RFC 7692 §7.2.1), piece by piece: each piece is flushed, so that it does not
 * wait for the next one.
 *
 * What is asynchronous: zlib works in a thread of its own, so output comes later than the `write` it belongs to (only the end of a
 * message behind its last piece needs no zlib, and comes before `write` returns). How order is kept: one piece is at work at a
 * time. From `write` until `onDeflaterIdle` the caller sends no other message, compressed or not, and writes no other
 * piece; control frames may go between the frames. For a message alone, at once or to many peers, there is `deflateMessage`.
 *
 * zlib's memory (about 260 KB with the largest window and the default memory level) is taken with the first message, and given back
 * with `close`, or after each message without context takeover.
 */
export class Deflater {
  readonly #options: DeflaterOptions;
  readonly #sink: DeflaterSink;
  #stream: DeflateRaw | null = null;
  #busy = false;
  #closed = false;

  constructor(options: DeflaterOptions, sink: DeflaterSink) {
    this.#options = options;
    this.#sink = sink;
  }

  /** Whether a piece is at work. */
  get busy(): boolean {
    return this.#busy;
  }

  /**
   * Takes the next piece of a message, which must stay as it is until `onDeflaterIdle`. Not while `busy`, and not once closed.
   * @param more whether the message goes on
   */
  write(piece: Buffer, more: boolean): void {
    this.#busy = true;
    if (piece.length === 0) {
      this.#endPiece(more ? null : EMPTY_BLOCK, more);
      return;
    }
    const stream = this.#stream ?? this.#open();
    stream.write(piece, () => {
      if (this.#stream !== stream) return;
      const output = stream.read() as Buffer;
      this.#endPiece(more ? output : output.subarray(0, -TAIL_BYTES), more);
    });
  }

  /** Gives everything back; nothing is called any more. */
  close(): void {
    this.#closed = true;
    this.#busy = false;
    this.#release();
  }

  #open(): DeflateRaw {
    const { windowBits, level, memLevel } = this.#options;
    const stream = createDeflateRaw({ windowBits, level, memLevel, flush: constants.Z_SYNC_FLUSH });
    this.#stream = stream;
    stream.on('error', (error) => {
      if (this.#stream !== stream) return;
      this.close();
      this.#sink.onDeflaterError(new WebSocketError(1011, `message does not deflate: ${error.message}`));
    });
    stream.on('readable', () => {
      // zlib waits for output to be taken. What may be the tail stays until it is known to be none.
      const { readableLength, readableHighWaterMark } = stream;
      if (this.#stream !== stream || readableLength < readableHighWaterMark) return;
      this.#sink.onDeflated(stream.read(readableLength - TAIL_BYTES) as Buffer, true);
    });
    return stream;
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
 * One whole message deflated by itself, at once: payload of a single frame that is to be marked as compressed. It refers to no
 * former message, so the same bytes suit every peer with a window of `windowBits` or more that is sent nothing through a
 * `Deflater` with context takeover.
 */
export function deflateMessage(message: Buffer, options: DeflateOptions): Buffer {
  if (message.length === 0) return EMPTY_BLOCK;
  return deflateRawSync(message, { ...options, finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -TAIL_BYTES);
}
