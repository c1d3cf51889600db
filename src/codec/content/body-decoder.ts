import type { CallGuard } from '../calls/index.ts';
import { ContentError } from './content-error.ts';
import { decodeAtOnce } from './decode-at-once.ts';
import { type DecoderStream, isDecodable, openDecoderStream, windowBytes } from './decoder-stream.ts';
import { WindowBudget, type WindowUser } from './window-budget.ts';

/** Receives decoded bytes. */
export interface DecodedBody {
  /**
   * Decoded bytes, never more than the credits. With `more` false they are the last: that may come early, if bytes follow that are not part of
   * the encoding.
   */
  onDecoded(chunk: Buffer, more: boolean): void;
  onDecodingError(error: ContentError): void;
  /** This many encoded bytes have been decoded: there is room for as many more. */
  onEncodedTaken(bytes: number): void;
}

const EMPTY: Buffer = Buffer.alloc(0);

/** Size limit of an encoded body that is decoded at once if all of it arrives in one turn: most responses are small. */
const MAX_AT_ONCE = 16_384;

/** Size limit of a decoded body for decoding at once; a larger one is decoded piece by piece. */
const MAX_DECODED_AT_ONCE = 65_536;

/** Windows up to this many bytes need no budget: the other buffers of an exchange are as large. */
const SMALL_WINDOW = 65_536;

/**
 * Bytes of the windows of all br and zstd decoders that exceed `SMALL_WINDOW`.
 * @bound decoder-windows
 */
const MAX_WINDOWS = 536_870_912;

const windows = new WindowBudget(MAX_WINDOWS);

/**
 * Undoes a content coding (RFC 9110 §8.4.1) as the receiver's credits allow. Decoded bytes that wait are one piece of zlib's, 16 KB, or 64 KB of
 * a body that was decoded at once, so a small input that expands hugely does not do so in memory.
 *
 * A small body that ends within the turn of the event loop in which it began is decoded at once, without a thread. A gzip member may be followed
 * by another one, or by zeros. Anything after the end of the other codings is ignored.
 */
export class BodyDecoder implements WindowUser {
  readonly #coding: string;
  readonly #to: DecodedBody;
  readonly #guard: CallGuard;
  /** Bytes that the receiver accepts. */
  #credits: number;
  /** Encoded bytes not yet given to the stream: the beginning of the body, or what arrived while the stream was busy. */
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  /** No more encoded bytes follow. */
  #complete = false;
  /** Null until it is known that the body is not decoded at once. */
  #stream: DecoderStream | null = null;
  /** Called when the stream has consumed its input. */
  #onTaken: (error?: Error | null) => void = () => {};
  /** Whether the body is decoded piece by piece, now or once there is memory for the window. */
  #piecewise = false;
  /** Bytes that the stream is working on. */
  #busy = 0;
  /** Bytes of the window taken from the budget, or requested from it. */
  #window = 0;
  /** Decoded bytes that wait for credits; the stream is paused meanwhile. */
  #rest = EMPTY;
  #paused = false;
  /** All bytes are decoded. */
  #decoded = false;
  #delivering = false;
  #over = false;

  /**
   * @param credits decoded bytes that `to` accepts before it grants more
   * @param guard wraps what zlib, the event loop and other decoders call
   * @throws ContentError for an unsupported coding
   */
  constructor(coding: string, to: DecodedBody, credits: number, guard: CallGuard) {
    this.#coding = coding.toLowerCase();
    this.#to = to;
    this.#credits = credits;
    this.#guard = guard;
    if (!isDecodable(coding)) throw new ContentError(`encoded with ${coding}, which is not supported`);
  }

  /** Takes encoded bytes, which belong to the decoder from now on. The caller bounds how many may wait, see `onEncodedTaken`. */
  write(chunk: Buffer): void {
    if (this.#over || chunk.length === 0) return;
    const first = this.#pendingBytes === 0 && !this.#piecewise;
    this.#pending.push(chunk);
    this.#pendingBytes += chunk.length;
    if (this.#piecewise) this.#feed();
    else if (this.#pendingBytes > MAX_AT_ONCE) this.decodePiecewise();
    // Waits for the end of the body, but not beyond this turn.
    else if (first) process.nextTick(this.#guard(() => this.#onTurn()));
  }

  /** The encoded bytes are complete. */
  end(): void {
    if (this.#over || this.#complete) return;
    this.#complete = true;
    if (this.#piecewise) {
      this.#feed();
      return;
    }
    if (this.#pendingBytes === 0) {
      this.#finish(EMPTY);
      return;
    }
    const decoded = decodeAtOnce(this.#coding, joined(this.#pending), MAX_DECODED_AT_ONCE);
    if (decoded === null) this.decodePiecewise();
    else this.#finish(decoded);
  }

  /** The receiver accepts this many more decoded bytes. May come from within `onDecoded`. */
  credit(bytes: number): void {
    this.#credits += bytes;
    this.#deliver();
  }

  /** Drops everything. The receiver is not called again. */
  destroy(): void {
    if (this.#over) return;
    this.#over = true;
    this.#pending = [];
    this.#rest = EMPTY;
    this.#stream?.destroy();
    const window = this.#window;
    this.#window = 0;
    if (window > 0) windows.give(this, window);
  }

  /** Starts decoding with a zlib stream. Only for this class and its tests. */
  decodePiecewise(): void {
    if (this.#over) return;
    this.#piecewise = true;
    const window = windowBytes(this.#coding, this.#pending[0] as Buffer);
    if (window > SMALL_WINDOW) {
      this.#window = window;
      if (!windows.take(this, window)) return;
    }
    this.#open();
  }

  onWindow(): void {
    // Called because another body has ended: failures here must not affect that one.
    this.#guard(() => this.#open())();
  }

  #onTurn(): void {
    if (!this.#decoded && !this.#piecewise) this.decodePiecewise();
  }

  #open(): void {
    const guard = this.#guard;
    const stream = openDecoderStream(this.#coding, this.#pending[0] as Buffer);
    const onData = (chunk: Buffer): void => {
      if (this.#over) return;
      this.#rest = chunk;
      this.#deliver();
    };
    const onEnd = (): void => {
      if (!this.#over) this.#finish(this.#rest);
    };
    const onError = (error: Error): void => {
      if (this.#over) return;
      this.destroy();
      this.#to.onDecodingError(new ContentError(`not valid ${this.#coding}: ${error.message}`));
    };
    stream.on('data', guard(onData)).on('end', guard(onEnd)).on('error', guard(onError));
    this.#stream = stream;
    this.#onTaken = guard((error?: Error | null): void => {
      // An error is also reported as an event.
      if (this.#over || error != null) return;
      const bytes = this.#busy;
      this.#busy = 0;
      this.#feed();
      this.#to.onEncodedTaken(bytes);
    });
    this.#feed();
  }

  /** Gives the stream pending bytes, one piece at a time: each occupies a thread, so small ones are joined. */
  #feed(): void {
    const stream = this.#stream;
    if (stream === null || this.#busy > 0) return;
    const pending = this.#pending;
    if (pending.length > 0) {
      this.#busy = this.#pendingBytes;
      this.#pending = [];
      this.#pendingBytes = 0;
      stream.write(joined(pending), this.#onTaken);
    } else if (this.#complete) {
      stream.end();
    }
  }

  /** @param rest the last decoded bytes */
  #finish(rest: Buffer): void {
    this.#decoded = true;
    this.#rest = rest;
    this.#deliver();
  }

  /** Passes on waiting bytes as the credits allow, and lets the stream continue or wait. */
  #deliver(): void {
    // Credits may be granted from within: the loop uses them.
    if (this.#delivering) return;
    this.#delivering = true;
    try {
      while (!this.#over && this.#rest.length > 0 && this.#credits > 0) this.#passNext();
    } finally {
      this.#delivering = false;
    }
    if (this.#over) return;
    if (this.#decoded && this.#rest.length === 0) this.#pass(EMPTY, false);
    else this.#setPaused(this.#rest.length > 0);
  }

  #passNext(): void {
    const rest = this.#rest;
    const whole = rest.length <= this.#credits;
    const piece = whole ? rest : rest.subarray(0, this.#credits);
    this.#rest = whole ? EMPTY : rest.subarray(piece.length);
    this.#credits -= piece.length;
    this.#pass(piece, !this.#decoded || !whole);
  }

  #pass(piece: Buffer, more: boolean): void {
    if (!more) this.destroy();
    this.#to.onDecoded(piece, more);
  }

  #setPaused(paused: boolean): void {
    const stream = this.#stream;
    if (stream === null || this.#paused === paused) return;
    this.#paused = paused;
    if (paused) stream.pause();
    else stream.resume();
  }
}

function joined(chunks: readonly Buffer[]): Buffer {
  return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
}
