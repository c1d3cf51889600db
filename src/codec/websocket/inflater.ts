import { createInflateRaw, type InflateRaw } from 'node:zlib';
import { Utf8Checker } from './utf8-checker.ts';
import { WebSocketError } from './websocket-error.ts';

/** What a sender leaves out at the end of each message (RFC 7692 §7.2.1): the length of an empty stored block. */
const TAIL = Buffer.from([0, 0, 0xff, 0xff]);

/**
 * What may be left behind a block that says it is the last: the byte that RFC 7692 §7.2.3.4 appends to it, and `TAIL`.
 */
const MAX_BEHIND_LAST_BLOCK = 5;

const EMPTY = Buffer.alloc(0);

/** How one direction of a connection is inflated. */
export interface InflaterOptions {
  /** The sender's window as agreed on, 8 to 15. */
  readonly windowBits: number;
  /** Whether messages refer to former ones. If not, nothing is kept between messages. */
  readonly contextTakeover: boolean;
  /** Bytes that one message may inflate to. */
  readonly maxMessageBytes: number;
}

/** Takes what an `Inflater` makes. After `onInflaterError` nothing comes any more. */
export interface InflaterSink {
  /** The next piece of the message, never more than was granted; empty only with `more` false. It is the receiver's. */
  onInflated(data: Buffer, more: boolean): void;
  /** The piece is used up and all of it handed over: the next one may be written. */
  onInflaterIdle(): void;
  /** 1007 for what does not inflate or is no UTF-8, 1009 over the limit. The inflater is closed. */
  onInflaterError(error: WebSocketError): void;
}

/**
 * Inflates the compressed messages that one peer sends (RFC 7692 §7.2.2).
 *
 * What is asynchronous: zlib works in a thread of its own, so all output comes later than the `write` it belongs to. How order is
 * kept: one piece is at work at a time. From `write` until `onInflaterIdle` the caller reads no further, so whatever stands behind
 * the piece on the wire (the rest of the message, control frames, the next message, be it compressed or not) is found only
 * when the output of the piece is out.
 *
 * What bounds it: output is made only as far as credit takes it away, plus zlib's own buffers (under 100 KB), so a message that
 * would grow without end waits like any other; at `maxMessageBytes` it fails, before the next byte. zlib's memory (about 45 KB with
 * the largest window) is taken with the first message, and given back with `close`, or after each message without context takeover.
 */
export class Inflater {
  readonly #options: InflaterOptions;
  readonly #sink: InflaterSink;
  readonly #utf8 = new Utf8Checker();
  #stream: InflateRaw | null = null;
  #busy = false;
  /** Whether zlib has used up the piece, so that all its output is there. */
  #used = false;
  /** Whether the message ends with the piece. */
  #last = false;
  /** Whether the end of the message has been given. */
  #ended = false;
  #text = false;
  #credit = 0;
  #draining = false;
  /** Bytes that the message has inflated to. */
  #messageBytes = 0;
  /** Bytes that this stream was given. */
  #written = 0;

  constructor(options: InflaterOptions, sink: InflaterSink) {
    this.#options = options;
    this.#sink = sink;
  }

  /** Whether a piece is at work. */
  get busy(): boolean {
    return this.#busy;
  }

  /**
   * Takes the next piece of a message, which must stay as it is until `onInflaterIdle`. Not while `busy`, and not once closed.
   * @param text whether the message is text: its UTF-8 is checked
   * @param more whether the message goes on; if it does, the piece must not be empty
   */
  write(piece: Buffer, text: boolean, more: boolean): void {
    this.#busy = true;
    this.#used = false;
    this.#ended = false;
    this.#last = !more;
    this.#text = text;
    const stream = this.#stream ?? this.#open();
    const used = () => {
      if (this.#stream === stream) this.#endInput(stream);
    };
    this.#written += piece.length;
    if (more) {
      stream.write(piece, used);
    } else {
      this.#written += TAIL.length;
      if (piece.length > 0) stream.write(piece);
      stream.write(TAIL, used);
    }
  }

  /** Takes `bytes` more of output. It may be given before the former bytes are spent. */
  grant(bytes: number): void {
    this.#credit += bytes;
    this.#drain();
  }

  /** Gives everything back; nothing is called any more. */
  close(): void {
    this.#busy = false;
    this.#release();
  }

  #open(): InflateRaw {
    // Compressors that cannot do 8 bits use 9 in their place (zlib is one): this side can afford them.
    const stream = createInflateRaw({ windowBits: Math.max(9, this.#options.windowBits) });
    this.#stream = stream;
    this.#written = 0;
    stream.on('error', (error) => {
      if (this.#stream === stream) this.#fail(1007, `message does not inflate: ${error.message}`);
    });
    stream.on('readable', () => {
      // Below the mark zlib goes on by itself: so small output leaves in one piece, with the end of its message.
      if (stream.readableLength >= stream.readableHighWaterMark) this.#drain();
    });
    return stream;
  }

  /** zlib has used up the piece: all its output is there. */
  #endInput(stream: InflateRaw): void {
    this.#used = true;
    if (this.#last && this.#written - stream.bytesWritten > MAX_BEHIND_LAST_BLOCK) {
      this.#fail(1007, 'message goes on behind its last block');
    } else {
      this.#drain();
    }
  }

  /** Does what can be done now. What the sink calls meanwhile is done here as well, however often it grants. */
  #drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    while (this.#stream !== null && this.#busy && this.#step(this.#stream)) {}
    this.#draining = false;
  }

  /** Gives one piece of output, or ends the piece of input; false if it can do neither. */
  #step(stream: InflateRaw): boolean {
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
      this.#fail(1009, `message over ${maxMessageBytes} bytes`);
      return false;
    }
    const length = Math.min(stream.readableLength, room, this.#credit);
    if (length === 0) return false;
    const data = stream.read(length) as Buffer;
    this.#credit -= length;
    this.#messageBytes += length;
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
    if (this.#stream !== null) this.#fail(1007, 'text is not UTF-8');
  }

  #endPiece(stream: InflateRaw): void {
    this.#busy = false;
    if (this.#last) {
      this.#messageBytes = 0;
      // A stream takes nothing behind a last block: the next message gets one of its own, without a context.
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
    stream?.close();
  }
}
