import { createInflateRaw, type InflateRaw } from 'node:zlib';
import type { CallGuard } from '../calls/index.ts';
import { DeflateWindow } from './deflate-window.ts';
import { Utf8Checker } from './utf8-checker.ts';
import { WebSocketError } from './websocket-error.ts';

/** The length of an empty stored block, which a sender omits at the end of each message (RFC 7692 §7.2.1). */
const LEFT_OUT = [0, 0, 0xff, 0xff];

/** A whole empty stored block (RFC 1951 §3.2.4). */
const EMPTY_BLOCK = [0, ...LEFT_OUT];

/**
 * Empty blocks after each message. A message cut off within a block takes them for data, which reveals the cut. With 16 of them one in 400 cuts of
 * small texts goes unnoticed, with 64 none of 26,000 does.
 */
const PROBES = 64;

/** Appended to each message: it inflates to nothing after a complete one. */
const TAIL = Buffer.from([...LEFT_OUT, ...Array.from({ length: PROBES }, () => EMPTY_BLOCK).flat()]);

/** What may remain after a block marked as the last: the byte that RFC 7692 §7.2.3.4 appends to it, and `TAIL`. */
const MAX_BEHIND_LAST_BLOCK = 1 + TAIL.length;

const CUT_OFF = 'compressed message is truncated';

const EMPTY = Buffer.alloc(0);

/** How one direction of a connection is inflated. */
export interface InflaterOptions {
  /** The sender's window as agreed on, 8 to 15. */
  readonly windowBits: number;
  /** Whether messages refer to earlier ones. If not, no state is kept between messages. */
  readonly contextTakeover: boolean;
  /** Maximum inflated size of one message in bytes. */
  readonly maxMessageBytes: number;
}

/** Receives the output of an `Inflater`. Nothing comes after `onInflaterError`. */
export interface InflaterSink {
  /** The next piece of the message, never more than was granted; empty only with `more` false. It belongs to the receiver. */
  onInflated(data: Buffer, more: boolean): void;
  /** The piece is consumed and all its output delivered: the next one may be written. */
  onInflaterIdle(): void;
  /** 1007 if it does not inflate or is not UTF-8, 1009 above the limit. The inflater is closed. */
  onInflaterError(error: WebSocketError): void;
}

/**
 * Inflates the compressed messages that one peer sends (RFC 7692 §7.2.2).
 *
 * zlib works in its own thread, so output comes after `write` has returned. One piece is processed at a time, which keeps the order: from `write`
 * until `onInflaterIdle` the caller reads no further. So everything after the piece on the wire (the rest of the message, control frames,
 * the next message, compressed or not) is read only after the output of the piece is out.
 *
 * Output is produced only as credit allows, plus zlib's own buffers (under 100 KB), so a message that would grow endlessly waits like any other; at
 * `maxMessageBytes` it fails, before the next byte. zlib's memory (about 45 KB with the largest window) is allocated with the first
 * message, and freed by `close`, or after each message without context takeover.
 */
export class Inflater {
  readonly #options: InflaterOptions;
  readonly #sink: InflaterSink;
  readonly #guard: CallGuard;
  readonly #utf8 = new Utf8Checker();
  #stream: InflateRaw | null = null;
  /** Notes that zlib has consumed the last piece of a message, so that the tail comes next. Made once for each stream. */
  #onTail: () => void = () => {};
  /** Notes that zlib has consumed all its input. Made once for each stream. */
  #onUsed: () => void = () => {};
  #busy = false;
  /** Whether zlib has consumed the piece, so that all its output is there. */
  #used = false;
  /** Whether the message ends with the piece. */
  #last = false;
  /** Whether the end of the message has been written. */
  #ended = false;
  #text = false;
  #credit = 0;
  #draining = false;
  /** Bytes that the message has inflated to. */
  #messageBytes = 0;
  /** Inflated size of the whole message; infinite until the tail is processed. */
  #wholeBytes = Number.POSITIVE_INFINITY;
  /** Bytes written to this stream. */
  #written = 0;
  /** What zlib's own window has, which zlib does not tell; null without context takeover. */
  readonly #window: DeflateWindow | null;

  /**
   * @param guard wraps what zlib calls
   * @param window what the first message may refer to; null for nothing
   */
  constructor(options: InflaterOptions, sink: InflaterSink, guard: CallGuard, window: Buffer | null = null) {
    this.#options = options;
    this.#sink = sink;
    this.#guard = guard;
    this.#window = options.contextTakeover ? new DeflateWindow(1 << windowBitsOf(options)) : null;
    if (window !== null) this.#window?.add(window);
  }

  /** What the next message may refer to, while no piece is in progress; null for nothing. */
  get window(): Buffer | null {
    return this.#window?.bytes ?? null;
  }

  /** Whether a piece is in progress. */
  get busy(): boolean {
    return this.#busy;
  }

  /**
   * Takes the next piece of a message, which must not change until `onInflaterIdle`. Not while `busy`, and not once closed.
   * @param text whether the message is text: its UTF-8 is checked
   * @param more whether the message continues; if it does, the piece must not be empty
   */
  write(piece: Buffer, text: boolean, more: boolean): void {
    this.#busy = true;
    this.#used = false;
    this.#ended = false;
    this.#last = !more;
    this.#text = text;
    this.#wholeBytes = Number.POSITIVE_INFINITY;
    const stream = this.#stream ?? this.#open();
    this.#written += piece.length;
    if (more) {
      stream.write(piece, this.#onUsed);
      return;
    }
    if (piece.length > 0) stream.write(piece, this.#onTail);
    else this.#wholeBytes = this.#messageBytes;
    this.#written += TAIL.length;
    stream.write(TAIL, this.#onUsed);
  }

  /** Accepts `bytes` more of output. May be called before the previous credit is spent. */
  grant(bytes: number): void {
    this.#credit += bytes;
    this.#drain();
  }

  /** Frees everything; nothing is called after this. */
  close(): void {
    this.#busy = false;
    this.#release();
  }

  #open(): InflateRaw {
    const guard = this.#guard;
    const dictionary = this.window ?? undefined;
    const stream = createInflateRaw({ windowBits: windowBitsOf(this.#options), ...(dictionary && { dictionary }) });
    this.#stream = stream;
    this.#written = 0;
    const onError = (error: Error) => {
      if (this.#stream !== stream) return;
      const cutOff = this.#wholeBytes !== Number.POSITIVE_INFINITY;
      this.#fail(1007, cutOff ? CUT_OFF : `message cannot be decompressed: ${error.message}`);
    };
    const onReadable = () => {
      // Below the high-water mark zlib continues by itself, so small output leaves in one piece with the end of its message.
      if (this.#stream === stream && stream.readableLength >= stream.readableHighWaterMark) this.#drain();
    };
    stream.on('error', guard(onError));
    stream.on('readable', guard(onReadable));
    this.#onTail = guard(() => {
      if (this.#stream === stream) this.#wholeBytes = this.#messageBytes + stream.readableLength;
    });
    this.#onUsed = guard(() => {
      if (this.#stream === stream) this.#endInput(stream);
    });
    return stream;
  }

  /** zlib has consumed the piece: all its output is there. */
  #endInput(stream: InflateRaw): void {
    this.#used = true;
    if (this.#last && this.#written - stream.bytesWritten > MAX_BEHIND_LAST_BLOCK) {
      this.#fail(1007, 'compressed message continues after its last block');
    } else {
      this.#drain();
    }
  }

  /** Does all that can be done now. Calls from the sink are handled in the same loop, however often it grants. */
  #drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    try {
      while (this.#stream !== null && this.#busy && this.#step(this.#stream)) {}
    } finally {
      this.#draining = false;
    }
  }

  /** Delivers one piece of output, or finishes the piece of input; false if it can do neither. */
  #step(stream: InflateRaw): boolean {
    if (this.#messageBytes + stream.readableLength > this.#wholeBytes) {
      // The tail was taken for data: the peer did not send these bytes.
      this.#fail(1007, CUT_OFF);
      return false;
    }
    if (stream.readableLength > 0) return this.#read(stream);
    if (!this.#used) return false;
    if (this.#last && !this.#ended) this.#give(EMPTY, true);
    else this.#endPiece(stream);
    return true;
  }

  #read(stream: InflateRaw): boolean {
    const { maxMessageBytes } = this.#options;
    const room = maxMessageBytes - this.#messageBytes;
    if (room === 0) {
      this.#fail(1009, `message exceeds ${maxMessageBytes} bytes`);
      return false;
    }
    const length = Math.min(stream.readableLength, room, this.#credit);
    if (length === 0) return false;
    const data = stream.read(length) as Buffer;
    this.#credit -= length;
    this.#messageBytes += length;
    this.#window?.add(data);
    this.#give(data, this.#used && this.#last && stream.readableLength === 0);
    return true;
  }

  #give(data: Buffer, last: boolean): void {
    const wrong = this.#text ? this.#utf8.check(data, last) : -1;
    if (wrong < 0) {
      this.#ended = last;
      this.#sink.onInflated(data, !last);
      return;
    }
    if (wrong > 0) this.#sink.onInflated(data.subarray(0, wrong), true);
    if (this.#stream !== null) this.#fail(1007, 'text is not valid UTF-8');
  }

  #endPiece(stream: InflateRaw): void {
    this.#busy = false;
    if (this.#last) {
      this.#messageBytes = 0;
      // A stream accepts nothing after a last block: the next message gets a new one, without context.
      if (!this.#options.contextTakeover || this.#written > stream.bytesWritten) this.#release();
    }
    this.#sink.onInflaterIdle();
  }

  #fail(closeCode: 1007 | 1009, message: string): void {
    this.close();
    this.#sink.onInflaterError(new WebSocketError(closeCode, message));
  }

  #release(): void {
    const stream = this.#stream;
    this.#stream = null;
    this.#window?.clear();
    stream?.close();
  }
}

/** Compressors that cannot do 8 bits use 9 instead (zlib does): this side can afford 9. */
function windowBitsOf({ windowBits }: InflaterOptions): number {
  return Math.max(9, windowBits);
}
