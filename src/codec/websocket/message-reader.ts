import type { CallGuard } from '../calls/index.ts';
import type { DeflateParameters } from './deflate-parameters.ts';
import { FrameReader, type Role } from './frame-reader.ts';
import { Inflater, type InflaterSink } from './inflater.ts';
import type { WebSocketError } from './websocket-error.ts';
import type { WebSocketLimits } from './websocket-limits.ts';

/** Takes what a `MessageReader` finds. Within each call more may be granted, and the reader be told to discard or released. */
export interface MessageSink {
  /** A piece of a message, empty only with `more` false. Of text all pieces together are UTF-8. */
  onMessage(chunk: Buffer, text: boolean, more: boolean): void;
  onPing(data: Buffer): void;
  onPong(data: Buffer): void;
  /** Nothing is read behind it. `NO_STATUS` stands for no code. */
  onClose(code: number, reason: string): void;
  /** A piece that had to be inflated is passed on: `read` may go on behind it. */
  onReaderIdle(): void;
  /** A piece that had to be inflated is at fault (`WebSocketError`), or `onMessage` has thrown this when it was given what came of it. */
  onReaderError(thrown: unknown): void;
}

/** How one direction of a connection is read. */
export interface MessageReaderOptions {
  /** Which side reads. */
  readonly role: Role;
  readonly limits: WebSocketLimits;
  /** How messages are compressed; null: not at all. */
  readonly deflate: DeflateParameters | null;
  /** Bytes of messages, pings and pongs that are passed on before more are granted. */
  readonly credit: number;
  /** Pings are passed on without credit, for a receiver that responds to them itself. */
  readonly freePings: boolean;
  /** Wraps what zlib calls. */
  readonly guard: CallGuard;
}

/**
 * Reads what one peer sends, under credits: messages in pieces, as they arrive or inflate, and the control frames between them. What is
 * empty costs nothing, but only the end of a message that has begun is passed on where nothing else may be: else a flood would.
 *
 * While a piece is inflated nothing more is read, so all comes in its order.
 */
export class MessageReader implements InflaterSink {
  readonly #sink: MessageSink;
  readonly #options: MessageReaderOptions;
  readonly #frames: FrameReader;
  #inflater: Inflater | null = null;
  #credit: number;
  /** Whether what was found last waits for credit. */
  #held = false;
  /** Whether a piece of a message was passed on whose rest is to come. */
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
  }

  /** Whether a piece is being inflated. Until `onReaderIdle` nothing is read. */
  get busy(): boolean {
    return this.#inflater?.busy === true;
  }

  /**
   * Takes what can be taken of `input`, which must stay as it is, and returns the rest, null for none. The next call has to begin with that
   * rest, which may be empty: then what was found last waits for credit.
   * @throws WebSocketError 1002, 1007, 1009, and whatever the sink throws; nothing more can be read after it
   */
  read(input: Buffer): Buffer | null {
    const frames = this.#frames;
    let offset = 0;
    while (!this.#ended && !this.busy && !this.#paused) {
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
   * Bytes of messages that may be read. Credit is for what is passed on: how many bytes that is on the wire says nothing once it is
   * compressed, and the inflater makes no more of them than it is granted.
   */
  get #readable(): number {
    const uncounted = this.#discarding || (this.#inMessage && this.#frames.compressed);
    return uncounted ? Number.MAX_SAFE_INTEGER : this.#credit;
  }

  /** Lets so many more bytes be passed on. What waits for them comes with the next `read`, unless the reader is busy. */
  grant(bytes: number): void {
    this.#credit += bytes;
    if (this.busy && !this.#paused) this.#inflater?.grant(bytes);
  }

  /**
   * Passes nothing on until `pause(false)`, not even what is empty and costs no credit. What waits then comes with the next `read`, unless
   * the reader is busy. Nothing is paused once it discards.
   */
  pause(paused: boolean): void {
    if (this.#paused === paused || this.#discarding || this.#ended) return;
    this.#paused = paused;
    // An inflater at work has been granted all that there is.
    if (this.busy) this.#inflater?.grant(paused ? -this.#credit : this.#credit);
  }

  /** Passes nothing on any more but the close, which then waits for no credit. */
  discard(): void {
    this.#discarding = true;
    this.#paused = false;
    this.#dropInflater();
  }

  /** Reads nothing any more, and gives back what it holds. */
  release(): void {
    this.#ended = true;
    this.#dropInflater();
  }

  /** Passes on what was found last; false if it has to wait for credit. */
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

  #openInflater(parameters: DeflateParameters): Inflater {
    const { clientMaxWindowBits, clientNoContextTakeover, serverMaxWindowBits, serverNoContextTakeover } = parameters;
    const { role, limits } = this.#options;
    const { maxMessageBytes } = limits;
    const options =
      role === 'server'
        ? { windowBits: clientMaxWindowBits, contextTakeover: !clientNoContextTakeover, maxMessageBytes }
        : { windowBits: serverMaxWindowBits, contextTakeover: !serverNoContextTakeover, maxMessageBytes };
    return new Inflater(options, this, this.#options.guard);
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
    // What was not needed is for whatever comes next.
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
