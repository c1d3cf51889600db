import { applyMask, CLOSE, CONTINUATION, MAX_CONTROL_BYTES, WebSocketError } from '../websocket/index.ts';
import { JoinedBytes } from './joined-bytes.ts';

const NO_DATA = Buffer.alloc(0);

/** A message in fragments gets so much memory at first; it doubles as bytes arrive, never as lengths are declared. */
const FIRST_BYTES = 1_024;

// The next byte. FIRST -> SECOND -> [LENGTH ->] KEY -> PAYLOAD -> FIRST.
const FIRST = 0;
const SECOND = 1;
const LENGTH = 2;
const KEY = 3;
const PAYLOAD = 4;

/**
 * Reads the WebSocket frames of a client as handlers of Mongrel2 get them: the fragments of a message joined, control frames at once, RSV bits and
 * reserved opcodes passed on in `flags`. Nothing is answered, and text is not checked.
 *
 * A `read` finds at most one message. The caller repeats it with the returned offset until `found` is false; then the reader keeps no input.
 */
export class HandlerFrames {
  /** Whether the last `read` found a message. */
  found = false;
  /** FLAGS of the message: the first byte of its first frame, with FIN set. */
  flags = 0;
  /** Its payload, unmasked: a view of the input, or of memory that is not used again. */
  payload: Buffer = NO_DATA;
  readonly #maxBytes: number;
  #state = FIRST;
  #first = 0;
  /** Payload bytes of the frame still to come; within its header, the length so far. */
  #left = 0;
  #headerLeft = 0;
  #key = 0;
  /** First byte of the message in progress; 0 without one. */
  #message = 0;
  /** What has come of it. */
  readonly #joined = new JoinedBytes(FIRST_BYTES);
  /** What has come of a control frame. */
  readonly #control = new JoinedBytes(FIRST_BYTES);
  /** Every further read throws it. */
  #failure: WebSocketError | null = null;

  /** @param maxBytes of one message */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes of memory for what is not complete. */
  get held(): number {
    return this.#joined.capacity + this.#control.capacity;
  }

  /**
   * Reads `input`, which is unmasked in place, from `offset`. Returns where it stopped.
   * @throws WebSocketError 1002 for an unmasked frame, a fragmented control frame or one over 125 bytes, a message within a message, a continuation of
   *   none, and a length with the highest bit; 1009 for a message over the limit. Nothing can be read after it
   */
  read(input: Buffer, offset: number): number {
    this.found = false;
    this.payload = NO_DATA;
    if (this.#failure !== null) throw this.#failure;
    let at = offset;
    while (at < input.length && !this.found) {
      switch (this.#state) {
        case FIRST:
          this.#begin(input[at++] as number);
          break;
        case SECOND:
          this.#takeShortLength(input[at++] as number);
          break;
        case LENGTH:
          this.#takeLength(input[at++] as number);
          break;
        case KEY:
          this.#key = (this.#key << 8) | (input[at++] as number);
          if (--this.#headerLeft > 0) break;
          this.#state = PAYLOAD;
          if (this.#left === 0) this.#takePayload(NO_DATA);
          break;
        default: {
          const length = Math.min(input.length - at, this.#left);
          const data = input.subarray(at, at + length);
          at += length;
          this.#key = applyMask(data, this.#key);
          this.#takePayload(data);
        }
      }
    }
    return at;
  }

  get #isControl(): boolean {
    return (this.#first & 0x0f) >= CLOSE;
  }

  #begin(byte: number): void {
    this.#first = byte;
    const opcode = byte & 0x0f;
    if (opcode >= CLOSE) {
      // RFC 6455 §5.5.
      if (byte < 0x80) this.#fail(1002, 'fragmented control frame');
    } else if (opcode === CONTINUATION) {
      // RFC 6455 §5.4.
      if (this.#message === 0) this.#fail(1002, 'continuation frame without a message');
    } else {
      if (this.#message !== 0) this.#fail(1002, 'new message inside a message');
      this.#message = byte | 0x80;
    }
    this.#state = SECOND;
  }

  #takeShortLength(byte: number): void {
    // RFC 6455 §5.1.
    if (byte < 0x80) this.#fail(1002, 'unmasked frame from a client');
    const length = byte & 0x7f;
    if (length > MAX_CONTROL_BYTES && this.#isControl) this.#fail(1002, 'control frame is too long');
    this.#left = length;
    if (length < 126) {
      this.#endLength();
      return;
    }
    this.#left = 0;
    this.#headerLeft = length === 126 ? 2 : 8;
    this.#state = LENGTH;
  }

  #takeLength(byte: number): void {
    // RFC 6455 §5.2.
    if (this.#headerLeft === 8 && byte >= 0x80) this.#fail(1002, 'length exceeds 63 bits');
    // Beyond 2^53 this is inexact, but still above every limit.
    this.#left = this.#left * 256 + byte;
    if (--this.#headerLeft === 0) this.#endLength();
  }

  #endLength(): void {
    if (!this.#isControl && this.#joined.length + this.#left > this.#maxBytes) {
      this.#fail(1009, `message exceeds ${this.#maxBytes} bytes`);
    }
    this.#headerLeft = 4;
    this.#state = KEY;
  }

  /** Takes the next bytes of the payload, all of it if it is empty. */
  #takePayload(data: Buffer): void {
    this.#left -= data.length;
    const isLast = this.#left === 0;
    const joined = this.#isControl ? this.#control : this.#joined;
    if (isLast) this.#state = FIRST;
    if (!isLast || this.#first < 0x80) {
      joined.add(data, this.#maxBytes);
      return;
    }
    this.payload = joined.end(data);
    this.found = true;
    if (this.#isControl) {
      this.flags = this.#first;
      return;
    }
    this.flags = this.#message;
    this.#message = 0;
  }

  #fail(closeCode: 1002 | 1009, message: string): never {
    this.#failure = new WebSocketError(closeCode, message);
    this.#joined.drop();
    this.#control.drop();
    throw this.#failure;
  }
}
