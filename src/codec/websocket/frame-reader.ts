import { NO_STATUS, parseClosePayload } from './close-codes.ts';
import { applyMask } from './mask.ts';
import { BINARY, CLOSE, CONTINUATION, MAX_CONTROL_BYTES, PING, PONG, TEXT } from './opcodes.ts';
import { Utf8Checker } from './utf8-checker.ts';
import { WebSocketError } from './websocket-error.ts';
import type { WebSocketLimits } from './websocket-limits.ts';

/** Which side of the connection reads: a server receives masked frames, a client unmasked ones (RFC 6455 §5.1). */
export type Role = 'server' | 'client';

/** What a `read` found; `none` if it needs more input or credit. */
export type FrameEvent = 'none' | 'data' | 'ping' | 'pong' | 'close';

/** Settings for reading a connection. */
export interface FrameReaderOptions {
  readonly role: Role;
  readonly limits: WebSocketLimits;
  /** Whether permessage-deflate was agreed on, so that RSV1 may be set (RFC 7692 §6). */
  readonly compression: boolean;
}

const EMPTY = Buffer.alloc(0);

// The next byte. FIRST -> SECOND -> [LENGTH ->] [KEY ->] DATA or CONTROL -> FIRST, without a payload if it is empty; a close frame leads to
// CLOSED.
/** FIN, RSV and opcode. */
const FIRST = 0;
/** MASK and the short length. */
const SECOND = 1;
/** One of two or eight bytes of a longer length. */
const LENGTH = 2;
/** One of four bytes of the masking key. */
const KEY = 3;
/** Payload of a message. */
const DATA = 4;
/** Payload of a control frame. */
const CONTROL = 5;
/** After the close frame: nothing is read (RFC 6455 §5.5.1). */
const CLOSED = 6;

/**
 * Reads the frames of one connection from bytes, however split, and returns messages in pieces as they arrive. A control frame between two
 * fragments comes out between them, and only a split control frame needs memory (up to 125 bytes).
 *
 * A `read` finds at most one event and stores it in the fields. The caller repeats it with the returned offset until
 * `event` is `none`; then the reader keeps no input.
 */
export class FrameReader {
  event: FrameEvent = 'none';
  /**
   * With `data` a piece of the message, with `ping` and `pong` the whole payload, else empty. A view of the input, unmasked in place.
   */
  data: Buffer = EMPTY;
  /** With `data`: whether the message continues. An empty piece comes only with `more` false. */
  more = false;
  /** Whether the message of the last `data` is text. Uncompressed text is valid UTF-8 so far, though a piece may end within a character. */
  text = false;
  /** Whether the message of the last `data` is compressed (RFC 7692 §6): to be inflated, then checked if it is text. */
  compressed = false;
  /** With `close`: its code, `NO_STATUS` if it has none. */
  code = NO_STATUS;
  /** With `close`: its reason, perhaps empty. */
  reason = '';
  readonly #masked: boolean;
  readonly #compression: boolean;
  readonly #limits: WebSocketLimits;
  readonly #utf8 = new Utf8Checker();
  #state = FIRST;
  #opcode = CONTINUATION;
  /** Whether the message ends with the current data frame. */
  #fin = false;
  /** Payload bytes of the frame still to come; within its header, the length so far. */
  #left = 0;
  /** Bytes of the length or the key still to come. */
  #headerLeft = 0;
  /** Smallest length that needs as many bytes as this one. */
  #minLength = 0;
  #key = 0;
  /** Whether a message is in progress. */
  #open = false;
  #messageBytes = 0;
  #fragments = 0;
  /** Payload of a control frame that arrives in pieces. */
  #control: Buffer | null = null;
  /** The fault at the next byte: every further read throws it. */
  #failure: WebSocketError | null = null;

  constructor(options: FrameReaderOptions) {
    this.#masked = options.role === 'server';
    this.#compression = options.compression;
    this.#limits = options.limits;
  }

  /** Whether the next byte begins a frame, and a message if the frame has one. */
  get between(): boolean {
    return this.#state === FIRST && !this.#open && this.#failure === null;
  }

  /**
   * Reads `input` from `offset`, at most `credit` message bytes; control frames need no credit. Returns where it
   * stopped. After a close frame it reads nothing.
   * @throws WebSocketError 1002, 1007, 1009; nothing can be read after it. Data before the fault comes out first.
   */
  read(input: Buffer, offset: number, credit: number): number {
    this.event = 'none';
    this.data = EMPTY;
    if (this.#failure !== null) throw this.#failure;
    let position = offset;
    while (position < input.length && this.event === 'none') {
      switch (this.#state) {
        case FIRST:
          this.#begin(input[position++] as number);
          break;
        case SECOND:
          this.#takeShortLength(input[position++] as number);
          break;
        case LENGTH:
          this.#takeLength(input[position++] as number);
          break;
        case KEY:
          this.#key = (this.#key << 8) | (input[position++] as number);
          if (--this.#headerLeft === 0) this.#beginPayload();
          break;
        case DATA:
          return this.#takeData(input, position, credit);
        case CONTROL:
          position = this.#takeControl(input, position);
          break;
        default:
          return position;
      }
    }
    return position;
  }

  #begin(byte: number): void {
    // RFC 6455 §5.2: RSV2 and RSV3 belong to extensions that were not agreed on.
    if ((byte & 0x30) !== 0) this.#fail(1002, 'RSV2 or RSV3 is set');
    const fin = (byte & 0x80) !== 0;
    const rsv1 = (byte & 0x40) !== 0;
    const opcode = byte & 0x0f;
    switch (opcode) {
      case CONTINUATION:
        // RFC 6455 §5.4; and RFC 7692 §6.1: RSV1 is only for the first frame of a message.
        if (!this.#open) this.#fail(1002, 'continuation frame without a message');
        if (rsv1) this.#fail(1002, 'RSV1 set in a continuation frame');
        if (++this.#fragments > this.#limits.maxFragments) {
          this.#fail(1009, `message of more than ${this.#limits.maxFragments} frames`);
        }
        this.#fin = fin;
        break;
      case TEXT:
      case BINARY:
        // RFC 6455 §5.4: the fragments of one message are not interleaved with those of another.
        if (this.#open) this.#fail(1002, 'new message inside a message');
        if (rsv1 && !this.#compression) this.#fail(1002, 'RSV1 set without compression');
        this.#open = true;
        this.#fin = fin;
        this.#messageBytes = 0;
        this.#fragments = 1;
        this.text = opcode === TEXT;
        this.compressed = rsv1;
        break;
      case CLOSE:
      case PING:
      case PONG:
        // RFC 6455 §5.5: control frames are not fragmented; RFC 7692 §6.1: nor compressed.
        if (!fin) this.#fail(1002, 'fragmented control frame');
        if (rsv1) this.#fail(1002, 'RSV1 set in a control frame');
        break;
      default:
        this.#fail(1002, `reserved opcode ${opcode}`);
    }
    this.#opcode = opcode;
    this.#state = SECOND;
  }

  #takeShortLength(byte: number): void {
    const masked = byte >= 0x80;
    if (masked !== this.#masked)
      this.#fail(1002, masked ? 'masked frame from a server' : 'unmasked frame from a client');
    const length = byte & 0x7f;
    if (length > MAX_CONTROL_BYTES && this.#opcode >= CLOSE) {
      this.#fail(1002, `control frame exceeds ${MAX_CONTROL_BYTES} bytes`);
    }
    if (length < 126) {
      this.#left = length;
      this.#endLength();
    } else {
      this.#left = 0;
      this.#headerLeft = length === 126 ? 2 : 8;
      this.#minLength = length === 126 ? 126 : 65_536;
      this.#state = LENGTH;
    }
  }

  #takeLength(byte: number): void {
    // RFC 6455 §5.2: the highest bit of a 64-bit length is 0.
    if (this.#headerLeft === 8 && byte >= 0x80) this.#fail(1002, 'length exceeds 63 bits');
    // Beyond 2^53 this is inexact, but still above every limit.
    this.#left = this.#left * 256 + byte;
    if (--this.#headerLeft > 0) return;
    // RFC 6455 §5.2: the minimal number of bytes must be used.
    if (this.#left < this.#minLength) this.#fail(1002, 'length is not minimally encoded');
    this.#endLength();
  }

  #endLength(): void {
    if (this.#opcode < CLOSE) {
      const { maxFrameBytes, maxMessageBytes } = this.#limits;
      if (this.#left > maxFrameBytes) this.#fail(1009, `frame exceeds ${maxFrameBytes} bytes`);
      this.#messageBytes += this.#left;
      if (this.#messageBytes > maxMessageBytes) this.#fail(1009, `message exceeds ${maxMessageBytes} bytes`);
    }
    if (this.#masked) {
      this.#headerLeft = 4;
      this.#state = KEY;
    } else {
      this.#beginPayload();
    }
  }

  #beginPayload(): void {
    if (this.#opcode >= CLOSE) {
      if (this.#left === 0) this.#endControl(EMPTY);
      else this.#state = CONTROL;
    } else if (this.#left > 0) {
      this.#state = DATA;
    } else if (this.#fin) {
      this.#giveData(EMPTY, true);
    } else {
      this.#state = FIRST;
    }
  }

  #takeData(input: Buffer, position: number, credit: number): number {
    const length = Math.min(input.length - position, this.#left, credit);
    if (length === 0) return position;
    const data = input.subarray(position, position + length);
    if (this.#masked) this.#key = applyMask(data, this.#key);
    this.#left -= length;
    return position + this.#giveData(data, this.#fin && this.#left === 0);
  }

  /** Returns how many bytes of `data` were passed on: all, unless the next one is not UTF-8. */
  #giveData(data: Buffer, last: boolean): number {
    const wrong = this.text && !this.compressed ? this.#utf8.check(data, last) : -1;
    if (wrong === 0) this.#fail(1007, 'text is not valid UTF-8');
    this.event = 'data';
    if (wrong > 0) {
      this.#failure = new WebSocketError(1007, 'text is not valid UTF-8');
      this.data = data.subarray(0, wrong);
      this.more = true;
      return wrong;
    }
    this.data = data;
    this.more = !last;
    if (last) this.#open = false;
    if (this.#left === 0) this.#state = FIRST;
    return data.length;
  }

  /** Takes the available part of a control frame's payload. */
  #takeControl(input: Buffer, position: number): number {
    const length = Math.min(input.length - position, this.#left);
    const piece = input.subarray(position, position + length);
    if (this.#masked) this.#key = applyMask(piece, this.#key);
    if (this.#control === null && length === this.#left) {
      this.#endControl(piece);
    } else {
      this.#control ??= Buffer.alloc(this.#left);
      const whole = this.#control;
      piece.copy(whole, whole.length - this.#left);
      this.#left -= length;
      if (this.#left === 0) this.#endControl(whole);
    }
    return position + length;
  }

  #endControl(payload: Buffer): void {
    this.#control = null;
    this.#state = FIRST;
    if (this.#opcode === CLOSE) {
      this.#endClose(payload);
    } else {
      this.event = this.#opcode === PING ? 'ping' : 'pong';
      this.data = payload;
    }
  }

  #endClose(payload: Buffer): void {
    try {
      const { code, reason } = parseClosePayload(payload);
      this.code = code;
      this.reason = reason;
    } catch (error) {
      if (error instanceof WebSocketError) this.#failure = error;
      throw error;
    }
    this.event = 'close';
    this.#state = CLOSED;
  }

  #fail(closeCode: WebSocketError['closeCode'], message: string): never {
    this.#failure = new WebSocketError(closeCode, message);
    throw this.#failure;
  }
}
