import type { CallGuard } from '../calls/index.ts';
import type { DeflateParameters } from './deflate-parameters.ts';
import { FrameReader, type Role } from './frame-reader.ts';
import { Inflater, type InflaterSink } from './inflater.ts';
import type { WebSocketError } from './websocket-error.ts';
import type { WebSocketLimits } from './websocket-limits.ts';

/** Receives what a `MessageReader` finds. Each call may grant more, make the reader discard, or release it. */
export interface MessageSink {
  /** A piece of a message, empty only with `more` false. The pieces of a text together are UTF-8. */
  onMessage(chunk: Buffer, text: boolean, more: boolean): void;
  onPing(data: Buffer): void;
  onPong(data: Buffer): void;
  /** Nothing is read after it. `NO_STATUS` means no code. */
  onClose(code: number, reason: string): void;
  /** A piece that had to be inflated is passed on: `read` may continue after it. */
  onReaderIdle(): void;
  /** A piece failed to inflate (`WebSocketError`), or `onMessage` threw this for its output. */
  onReaderError(thrown: unknown): void;
}

/** How one direction of a connection is read. */
export interface MessageReaderOptions {
  /** Which side reads. */
  readonly role: Role;
  readonly limits: WebSocketLimits;
  /** How messages are compressed; null: not at all. */
  readonly deflate: DeflateParameters | null;
  /** Bytes of messages, pings and pongs to pass on before more are granted. */
  readonly credit: number;
  /** Pass on pings without credit, for a receiver that sends the pongs itself. */
  readonly freePings: boolean;
  /** Wraps what zlib calls. */
  readonly guard: CallGuard;
  /** What the first compressed message may refer to. Default: null, nothing. */
  readonly window?: Buffer | null;
}

/**
 * Reads what one peer sends, under credits: messages in pieces, as they arrive or inflate, and the control frames between them. Empty items cost no
 * credit, but without credit only the end of a started message is passed on: otherwise a flood of them would be.
 *
 * Reading stops while a piece is inflated, so everything stays in order.
 */
export class MessageReader implements InflaterSink {
  readonly #sink: MessageSink;
  readonly #options: MessageReaderOptions;
  readonly #frames: FrameReader;
  #inflater: Inflater | null = null;
  #credit: number;
  /** Whether the last `read` stopped because it had passed on as many items as it might. */
  interrupted = false;
  /** Whether the last item waits for credit. */
  #held = false;
  /** Whether a message was passed on in part. */
  #inMessage = false;
  #paused = false;
  #discarding = false;
  #ended = false;

  constructor(sink: MessageSink, options: MessageReaderOptions) {
    const { role, limits, deflate, credit } = options;
    this.#sink = sink;
    this.#options = options;
    this.#frames = new FrameReader({ role, limits, compression: deflate !== null });
    this.#credit = credit;
    if (deflate !== null && options.window) this.#inflater = this.#openInflater(deflate, options.window);
  }

  /** Whether a piece is being inflated. Until `onReaderIdle` nothing is read. */
  get busy(): boolean {
    return this.#inflater?.busy === true;
  }

  /**
   * Takes as much of `input`, which must not change, as possible and returns the rest, null for none. The next call must begin with that rest, which
   * may be empty: then the last item waits for credit.
   * @param most items to pass on: messages, pieces of them, pings, pongs
   * @throws WebSocketError 1002, 1007, 1009, and whatever the sink throws; nothing can be read after it
   */
  read(input: Buffer, most: number): Buffer | null {
    const frames = this.#frames;
    let offset = 0;
    this.interrupted = false;
    for (let left = most; !this.#ended && !this.busy && !this.#paused; left--) {
      if (left === 0 && offset < input.length) {
        this.interrupted = true;
        break;
      }
      if (!this.#held) {
        offset = frames.read(input, offset, this.#readable);
        if (frames.event === 'none') break;
      }
      this.#held = !this.#take();
      if (this.#held) break;
    }
    return this.#held || this.#paused || offset < input.length ? input.subarray(offset) : null;
  }

  /**
   * Bytes of messages that may be read. Credit is for output: compressed bytes on the wire say nothing about it, and the inflater produces no more
   * than it is granted.
   */
  get #readable(): number {
    const uncounted = this.#discarding || (this.#inMessage && this.#frames.compressed);
    return uncounted ? Number.MAX_SAFE_INTEGER : this.#credit;
  }

  /** Whether the next byte begins a message or a control frame, and nothing waits. Another reader can go on from here. */
  get between(): boolean {
    if (this.#ended || this.#discarding || this.#paused || this.#held || this.#inMessage || this.busy) return false;
    return this.#frames.between;
  }

  /** Bytes of messages, pings and pongs to pass on before more are granted. */
  get credit(): number {
    return this.#credit;
  }

  /** How messages are compressed; null: not at all. */
  get deflate(): DeflateParameters | null {
    return this.#options.deflate;
  }

  /** What the next compressed message may refer to; null for nothing. */
  get window(): Buffer | null {
    return this.#inflater?.window ?? null;
  }

  /** Grants this many more bytes. Items that wait for them come with the next `read`, unless the reader is busy. */
  grant(bytes: number): void {
    this.#credit += bytes;
    if (this.busy && !this.#paused) this.#inflater?.grant(bytes);
  }

  /**
   * Passes nothing on until `pause(false)`, not even empty items that cost no credit. Waiting items then come with the next `read`, unless the reader
   * is busy. A reader that discards is never paused.
   */
  pause(paused: boolean): void {
    if (this.#paused === paused || this.#discarding || this.#ended) return;
    this.#paused = paused;
    // A busy inflater has already been granted everything.
    if (this.busy) this.#inflater?.grant(paused ? -this.#credit : this.#credit);
  }

  /** From now on passes on only the close, which then needs no credit. */
  discard(): void {
    this.#discarding = true;
    this.#paused = false;
    this.#dropInflater();
  }

  /** Stops reading for good and frees what it holds. */
  release(): void {
    this.#ended = true;
    this.#dropInflater();
  }

  /** Passes on the last item; false if it has to wait for credit. */
  #take(): boolean {
    const { event, data, text, more, compressed, code, reason } = this.#frames;
    const sink = this.#sink;
    if (event === 'close') {
      this.#ended = true;
      sink.onClose(code, reason);
      return true;
    }
    if (this.#discarding) return true;
    if (event === 'ping' && this.#options.freePings) {
      sink.onPing(data);
      return true;
    }
    return event === 'data' ? this.#takeData(data, text, more, compressed) : this.#takeControl(event === 'ping', data);
  }

  #takeData(data: Buffer, text: boolean, more: boolean, compressed: boolean): boolean {
    if (this.#credit === 0 && !this.#inMessage) return false;
    this.#inMessage = more;
    if (compressed) {
      this.#inflate(data, text, more);
    } else {
      this.#credit -= data.length;
      this.#sink.onMessage(data, text, more);
    }
    return true;
  }

  #takeControl(isPing: boolean, data: Buffer): boolean {
    if (this.#credit === 0 || data.length > this.#credit) return false;
    this.#credit -= data.length;
    if (isPing) this.#sink.onPing(data);
    else this.#sink.onPong(data);
    return true;
  }

  #inflate(data: Buffer, text: boolean, more: boolean): void {
    this.#inflater ??= this.#openInflater(this.#options.deflate as DeflateParameters);
    this.#inflater.grant(this.#credit);
    this.#inflater.write(data, text, more);
  }

  #openInflater(parameters: DeflateParameters, window: Buffer | null = null): Inflater {
    const { clientMaxWindowBits, clientNoContextTakeover, serverMaxWindowBits, serverNoContextTakeover } = parameters;
    const { role, limits } = this.#options;
    const { maxMessageBytes } = limits;
    const options =
      role === 'server'
        ? { windowBits: clientMaxWindowBits, contextTakeover: !clientNoContextTakeover, maxMessageBytes }
        : { windowBits: serverMaxWindowBits, contextTakeover: !serverNoContextTakeover, maxMessageBytes };
    return new Inflater(options, this, this.#options.guard, window);
  }

  onInflated(data: Buffer, more: boolean): void {
    this.#credit -= data.length;
    try {
      this.#sink.onMessage(data, this.#frames.text, more);
    } catch (thrown) {
      this.#sink.onReaderError(thrown);
    }
  }

  onInflaterIdle(): void {
    // Unused credit is for the next item.
    if (!this.#paused) this.#inflater?.grant(-this.#credit);
    this.#sink.onReaderIdle();
  }

  onInflaterError(error: WebSocketError): void {
    this.#sink.onReaderError(error);
  }

  #dropInflater(): void {
    this.#inflater?.close();
    this.#inflater = null;
    this.#held = false;
  }
}
