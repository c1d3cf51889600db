import type { FieldList } from '../fields/index.ts';
import { isFieldCode } from './chars.ts';
import { parseFieldLines } from './field-lines.ts';
import { CHUNKED, UNTIL_CLOSE } from './framing.ts';
import { Http1Error } from './http1-error.ts';
import { type Http1Limits, MAX_EXTENSION_BYTES } from './http1-limits.ts';

/**
 * Reads one body from bytes, however split. After each `read`, `data` is the body bytes found (a view of the input) or null, and
 * `done` says whether the body is complete; the caller repeats while it has input and credit.
 */
export interface BodyReader {
  readonly data: Buffer | null;
  readonly done: boolean;
  /** The trailer fields of a chunked body, once done; other bodies have none (RFC 9112 §7.1.2). */
  readonly trailers?: FieldList;
  /**
   * Reads `input` from `offset`, at most `credit` body bytes. Returns where it stopped.
   * @throws Http1Error `malformed` or `head-too-large` (trailers); nothing can be read after it
   */
  read(input: Buffer, offset: number, credit: number): number;
  /**
   * The connection has ended.
   * @throws Http1Error `truncated` if the body is incomplete
   */
  end(): void;
}

/** The reader for a body of `bodyLength`: bytes, `CHUNKED`, or `UNTIL_CLOSE`. */
export function bodyReader(bodyLength: number, limits: Http1Limits): BodyReader {
  if (bodyLength === CHUNKED) return new ChunkedReader(limits);
  if (bodyLength === UNTIL_CLOSE) return new UntilCloseReader();
  return new LengthReader(bodyLength);
}

/** A body with Content-Length (RFC 9112 §6.2). */
class LengthReader implements BodyReader {
  data: Buffer | null = null;
  #left: number;

  constructor(length: number) {
    this.#left = length;
  }

  get done(): boolean {
    return this.#left === 0;
  }

  read(input: Buffer, offset: number, credit: number): number {
    const end = Math.min(input.length, offset + Math.min(this.#left, credit));
    this.data = end > offset ? input.subarray(offset, end) : null;
    this.#left -= end - offset;
    return end;
  }

  end(): void {
    if (this.#left > 0) throw new Http1Error('truncated', `body ended ${this.#left} bytes early`);
  }
}

/** A response body that ends with the connection (RFC 9112 §6.3, last rule). */
class UntilCloseReader implements BodyReader {
  data: Buffer | null = null;
  done = false;

  read(input: Buffer, offset: number, credit: number): number {
    const end = Math.min(input.length, offset + credit);
    this.data = end > offset ? input.subarray(offset, end) : null;
    return end;
  }

  end(): void {
    this.data = null;
    this.done = true;
  }
}

const LF = 0x0a;
const CR = 0x0d;
const SP = 0x20;
const HTAB = 0x09;
const SEMICOLON = 0x3b;

/** Hex digits of a chunk size: 13 make 2^52, the rest allows leading zeros. */
const MAX_SIZE_DIGITS = 16;

const SIZE_FIRST = 0;
const SIZE = 1;
/** Space after the size: only an extension may follow (RFC 9112 §7.1.1). */
const SIZE_SPACE = 2;
const EXTENSION = 3;
const SIZE_LF = 4;
const DATA = 5;
const DATA_CR = 6;
const DATA_LF = 7;
const TRAILERS = 8;
const DONE = 9;

/** A chunked body (RFC 9112 §7.1). Lines must end in CRLF even where heads may be lenient, because chunk framing is open to smuggling. */
class ChunkedReader implements BodyReader {
  data: Buffer | null = null;
  trailers: FieldList = [];
  readonly #limits: Http1Limits;
  #state = SIZE_FIRST;
  /** Bytes left of the chunk. */
  #left = 0;
  #digits = 0;
  #extensionBytes = 0;
  #trailerText = '';
  /** A fault after the data of the last read: the next read throws it. */
  #failure: unknown = null;

  constructor(limits: Http1Limits) {
    this.#limits = limits;
  }

  get done(): boolean {
    return this.#state === DONE;
  }

  read(input: Buffer, offset: number, credit: number): number {
    this.data = null;
    if (this.#failure !== null) throw this.#failure;
    let position = offset;
    while (position < input.length && this.#state !== DONE) {
      if (this.#state === DATA) {
        const end = Math.min(input.length, position + Math.min(this.#left, credit));
        if (end === position) return position;
        this.data = input.subarray(position, end);
        this.#left -= end - position;
        if (this.#left > 0) return end;
        this.#state = DATA_CR;
        // The line end is read along if it is already there, and whatever ends the body with it. A fault in it must wait:
        // the data before it comes out first, as if the input had been split here.
        try {
          return this.#frame(input, end);
        } catch (error) {
          this.#failure = error;
          return end;
        }
      }
      position = this.#frame(input, position);
    }
    return position;
  }

  end(): void {
    if (this.#state !== DONE) throw new Http1Error('truncated', 'chunked body is incomplete');
  }

  /** Takes framing bytes up to the next chunk's data. */
  #frame(input: Buffer, offset: number): number {
    let position = offset;
    while (position < input.length && this.#state !== DATA && this.#state !== DONE) {
      if (this.#state === TRAILERS) position = this.#takeTrailers(input, position);
      else this.#step(input[position++] as number);
    }
    return position;
  }

  #step(byte: number): void {
    switch (this.#state) {
      case SIZE_FIRST:
        this.#digits = 0;
        this.#left = 0;
        this.#addDigit(byte);
        this.#state = SIZE;
        return;
      case SIZE:
        if (byte === CR) this.#state = SIZE_LF;
        else if (byte === SEMICOLON) this.#state = EXTENSION;
        else if (byte === SP || byte === HTAB) this.#state = SIZE_SPACE;
        else this.#addDigit(byte);
        return;
      case SIZE_SPACE:
        this.#countExtension();
        if (byte === SEMICOLON) this.#state = EXTENSION;
        else if (byte !== SP && byte !== HTAB) throw new Http1Error('malformed', 'invalid chunk size');
        return;
      case EXTENSION:
        // RFC 9112 §7.1.1: unknown extensions are ignored.
        this.#countExtension();
        if (byte === CR) this.#state = SIZE_LF;
        else if (!isFieldCode(byte)) throw new Http1Error('malformed', 'invalid chunk extension');
        return;
      case SIZE_LF:
        if (byte !== LF) throw new Http1Error('malformed', 'bare CR in a chunk header');
        this.#state = this.#left === 0 ? TRAILERS : DATA;
        return;
      case DATA_CR:
        if (byte !== CR) throw new Http1Error('malformed', 'chunk data does not match the chunk size');
        this.#state = DATA_LF;
        return;
      case DATA_LF:
        if (byte !== LF) throw new Http1Error('malformed', 'chunk data does not match the chunk size');
        this.#state = SIZE_FIRST;
    }
  }

  #addDigit(byte: number): void {
    const digit = hexDigit(byte);
    if (digit < 0 || ++this.#digits > MAX_SIZE_DIGITS) throw new Http1Error('malformed', 'invalid chunk size');
    this.#left = this.#left * 16 + digit;
    if (this.#left > Number.MAX_SAFE_INTEGER) throw new Http1Error('malformed', 'invalid chunk size');
  }

  #countExtension(): void {
    if (++this.#extensionBytes > MAX_EXTENSION_BYTES) {
      throw new Http1Error('malformed', `chunk extensions exceed ${MAX_EXTENSION_BYTES} bytes`);
    }
  }

  /** Takes the bytes of one trailer line so far; the empty line ends the body (RFC 9112 §7.1.2). */
  #takeTrailers(input: Buffer, offset: number): number {
    const lf = input.indexOf(LF, offset);
    const end = lf < 0 ? input.length : lf + 1;
    if (this.#trailerText.length + end - offset > this.#limits.maxHeadBytes) {
      throw new Http1Error('head-too-large', `trailers exceed ${this.#limits.maxHeadBytes} bytes`);
    }
    this.#trailerText += input.toString('latin1', offset, end);
    const text = this.#trailerText;
    // Reading a character also flattens the text: otherwise bytes that arrive one by one would cost a string node each.
    const beforeLast = text.charCodeAt(text.length - 2);
    if (lf < 0) return end;
    if (beforeLast !== CR) throw new Http1Error('malformed', 'line ends in a bare LF');
    if (text.length === 2 || text.endsWith('\r\n\r\n')) {
      this.trailers = parseFieldLines(text.slice(0, -2), 0, this.#limits).headers;
      this.#trailerText = '';
      this.#state = DONE;
    }
    return end;
  }
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
