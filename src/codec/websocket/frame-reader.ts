import { NO_STATUS, parseClosePayload } from './close-codes.ts';
import { applyMask } from './mask.ts';
import { BINARY, CLOSE, CONTINUATION, MAX_CONTROL_BYTES, PING, PONG, TEXT } from './opcodes.ts';
import { Utf8Checker } from './utf8-checker.ts';
import { WebSocketError } from './websocket-error.ts';
import type { WebSocketLimits } from './websocket-limits.ts';

/** Which side of the connection reads: a server is sent masked frames, a client unmasked ones (RFC 6455 §5.1). */
export type Role = 'server' | 'client';

/** What a `read` found; `none` when it needs more input, or credit. */
export type FrameEvent = 'none' | 'data' | 'ping' | 'pong' | 'close';

/** How a connection is read. */
export interface FrameReaderOptions {
  readonly role: Role;
  readonly limits: WebSocketLimits;
  /** Whether permessage-deflate was agreed on, so that RSV1 may be set (RFC 7692 §6). */
  readonly compression: boolean;
}

const EMPTY = Buffer.alloc(0);

// What the next byte is. FIRST -> SECOND -> [LENGTH ->] [KEY ->] DATA or CONTROL -> FIRST, the payload being left out when it is
// empty; a close frame leads to CLOSED.
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
/** Behind the close frame: nothing is read any more (RFC 6455 §5.5.1). */
const CLOSED = 6;

/**
 * Reads the frames of one connection from bytes in any split, and gives the messages in pieces as they arrive: a control frame
 * between two fragments comes out between them, and memory is needed for a split control frame only (up to 125 bytes).
 *
 * A `read` finds at most one event and writes it into the fields. The caller repeats it with the offset it returned until
 * `event` is `none`; then the reader holds on to no input.
 */
export class FrameReader {
  event: FrameEvent = 'none';
  /**
   * With `data` a piece of the message, with `ping` and `pong` their whole payload, else empty. A view of the input, in which it
   * has been unmasked in place.
   */
  data: Buffer = EMPTY;
  /** With `data`: whether the message goes on. An empty piece comes only with `more` false. */
  more = false;
  /** Whether the message of the last `data` is text. Uncompressed text is valid UTF-8 so far, though a piece may end within a character. */
  text = false;
  /** Whether the message of the last `data` is compressed (RFC 7692 §6): to be inflated, and then checked if it is text. */
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
  /** Whether the message ends with the data frame at hand. */
  #fin = false;
  /** Payload bytes of the frame that have not come yet; within its header what is known of the length. */
  #left = 0;
  /** Bytes of the length or of the key that have not come yet. */
  #headerLeft = 0;
  /** Smallest length that is written in as many bytes as this one. */
  #minLength = 0;
  #key = 0;
  /** Whether a message has begun that has not ended. */
  #open = false;
  #messageBytes = 0;
  #fragments = 0;
  /** Payload of a control frame that comes in pieces. */
  #control: Buffer | null = null;
  /** What is wrong with the byte to come: every further read throws it. */
  #failure: WebSocketError | null = null;

  constructor(options: FrameReaderOptions) {
    this.#masked = options.role === 'server';
    this.#compression = options.compression;
    this.#limits = options.limits;
  }

  /**
   * Takes bytes from `input` at `offset`, at most `credit` of them message bytes; control frames need no credit. Returns where it
   * stopped. Behind a close frame it takes nothing.
   * @throws WebSocketError 1002, 1007, 1009; nothing more can be read after it. What lies before the fault comes out first.
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
    // RFC 6455 §5.2: RSV2 and RSV3 belong to extensions that nobody agreed on.
    if ((byte & 0x30) !== 0) this.#fail(1002, 'RSV2 or RSV3 is set');
    const fin = (byte & 0x80) !== 0;
    const rsv1 = (byte & 0x40) !== 0;
    const opcode = byte & 0x0f;
    switch (opcode) {
      case CONTINUATION:
        // RFC 6455 §5.4; and RFC 7692 §6.1: RSV1 is for the first frame of a message alone.
        if (!this.#open) this.#fail(1002, 'continuation of no message');
        if (rsv1) this.#fail(1002, 'RSV1 is set in a continuation');
        if (++this.#fragments > this.#limits.maxFragments) {
          this.#fail(1009, `message in over ${this.#limits.maxFragments} frames`);
        }
        this.#fin = fin;
        break;
      case TEXT:
      case BINARY:
        // RFC 6455 §5.4: the fragments of one message are not interleaved with those of another.
        if (this.#open) this.#fail(1002, 'new message within a message');
        if (rsv1 && !this.#compression) this.#fail(1002, 'RSV1 is set, but no compression agreed on');
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
        if (rsv1) this.#fail(1002, 'RSV1 is set in a control frame');
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
      this.#fail(1002, masked ? 'frame of a server is masked' : 'frame of a client is not masked');
    const length = byte & 0x7f;
    if (length > MAX_CONTROL_BYTES && this.#opcode >= CLOSE) {
      this.#fail(1002, `control frame over ${MAX_CONTROL_BYTES} bytes`);
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
    if (this.#headerLeft === 8 && byte >= 0x80) this.#fail(1002, 'length over 63 bits');
    // Beyond 2^53 this is not exact, but still beyond every limit.
    this.#left = this.#left * 256 + byte;
    if (--this.#headerLeft > 0) return;
    // RFC 6455 §5.2: the minimal number of bytes must be used.
    if (this.#left < this.#minLength) this.#fail(1002, 'length in more bytes than needed');
    this.#endLength();
  }

  #endLength(): void {
    if (this.#opcode < CLOSE) {
      const { maxFrameBytes, maxMessageBytes } = this.#limits;
      if (this.#left > maxFrameBytes) this.#fail(1009, `frame over ${maxFrameBytes} bytes`);
      this.#messageBytes += this.#left;
      if (this.#messageBytes > maxMessageBytes) this.#fail(1009, `message over ${maxMessageBytes} bytes`);
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

  /** Returns how many bytes of `data` were given: not all of them only if the next one is no UTF-8. */
  #giveData(data: Buffer, last: boolean): number {
    const wrong = this.text && !this.compressed ? this.#utf8.check(data, last) : -1;
    if (wrong === 0) this.#fail(1007, 'text is not UTF-8');
    this.event = 'data';
    if (wrong > 0) {
      this.#failure = new WebSocketError(1007, 'text is not UTF-8');
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

  /** Takes what there is of a control frame's payload. */
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
