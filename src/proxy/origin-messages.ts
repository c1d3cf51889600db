import { BodyCollector } from '../exchange/index.ts';

/** Begins a control message. */
const CONTROL = Buffer.from('c:');

/**
 * Bytes of one control message of an origin.
 * @bound websocket-control-message
 */
export const MAX_CONTROL_MESSAGE = 65_536;

/** What becomes of the message that is coming in. */
type Reading = 'begin' | 'relay' | 'control' | 'drop';

/** Takes what an origin that speaks GRIP sends on a WebSocket. */
export interface OriginMessagesSink {
  /** A piece of a message for the client, without its prefix. */
  onClientMessage(chunk: Buffer, text: boolean, more: boolean): void;
  /** A control message, without its `c:`; null for one that is too long. */
  onControlMessage(body: Buffer | null): void;
  /** So many bytes of a control message have come. */
  onControlBytes(bytes: number): void;
  /** A message that is neither for the client nor a control message. */
  onUnknownMessage(): void;
  /** So many bytes were dropped. */
  onRelayed(bytes: number): void;
}

/** The messages of an origin, in pieces: tells those for the client from control messages, by their first bytes. */
export class OriginMessages {
  readonly #prefix: Buffer | null;
  readonly #sink: OriginMessagesSink;
  readonly #longestBeginning: number;
  #reading: Reading = 'begin';
  /** The beginning of a message that is too short to tell what it is, or a control message. */
  #collected: BodyCollector | null = null;
  #collectedBytes = 0;

  /** @param prefix begins the messages for the client; null where all are for the client */
  constructor(prefix: Buffer | null, sink: OriginMessagesSink) {
    this.#prefix = prefix;
    this.#sink = sink;
    this.#longestBeginning = Math.max(CONTROL.length, prefix?.length ?? 0);
  }

  /** Whether no message is under way. */
  get settled(): boolean {
    return this.#reading === 'begin' && this.#collected === null;
  }

  /** Takes a piece of a message. */
  read(chunk: Buffer, text: boolean, more: boolean): void {
    switch (this.#reading) {
      case 'relay':
        if (!more) this.#reading = 'begin';
        this.#sink.onClientMessage(chunk, text, more);
        break;
      case 'drop':
        if (!more) this.#reading = 'begin';
        this.#sink.onRelayed(chunk.length);
        break;
      case 'control':
        this.#readControl(chunk, more);
        this.#sink.onControlBytes(chunk.length);
        break;
      default:
        this.#begin(chunk, text, more);
    }
  }

  /** Finds out what a message is by its first bytes. */
  #begin(chunk: Buffer, text: boolean, more: boolean): void {
    const prefix = this.#prefix;
    if (prefix === null) {
      if (more) this.#reading = 'relay';
      this.#sink.onClientMessage(chunk, text, more);
      return;
    }
    let bytes = chunk;
    const held = this.#collected?.body ?? null;
    if (held !== null) bytes = Buffer.concat([held, chunk]);
    if (bytes.length < this.#longestBeginning && more) {
      this.#collected = new BodyCollector(this.#longestBeginning);
      this.#collected.addCopy(bytes);
      return;
    }
    this.#collected = null;
    if (begins(bytes, CONTROL)) {
      this.#reading = 'control';
      this.#readControl(bytes.subarray(CONTROL.length), more);
      this.#sink.onControlBytes(bytes.length);
    } else if (begins(bytes, prefix)) {
      this.#reading = more ? 'relay' : 'begin';
      if (prefix.length > 0) this.#sink.onRelayed(prefix.length);
      this.#sink.onClientMessage(bytes.subarray(prefix.length), text, more);
    } else {
      this.#reading = more ? 'drop' : 'begin';
      this.#sink.onUnknownMessage();
      this.#sink.onRelayed(bytes.length);
    }
  }

  #readControl(chunk: Buffer, more: boolean): void {
    this.#collectedBytes += chunk.length;
    if (this.#collectedBytes > MAX_CONTROL_MESSAGE) {
      this.#collected = null;
    } else if (more || this.#collected !== null) {
      this.#collected ??= new BodyCollector(MAX_CONTROL_MESSAGE);
      // The bytes of a piece may belong to a larger buffer.
      this.#collected.addCopy(chunk);
    }
    if (more) return;
    const tooLong = this.#collectedBytes > MAX_CONTROL_MESSAGE;
    const body = this.#collected?.body ?? chunk;
    this.#reading = 'begin';
    this.#collected = null;
    this.#collectedBytes = 0;
    this.#sink.onControlMessage(tooLong ? null : body);
  }
}

function begins(bytes: Buffer, prefix: Buffer): boolean {
  return bytes.length >= prefix.length && bytes.compare(prefix, 0, prefix.length, 0, prefix.length) === 0;
}
