import {
  BINARY,
  CLOSE,
  CONTINUATION,
  closePayload,
  Deflater,
  deflateMessage,
  encodeFrame,
  encodeMaskedFrame,
  FrameReader,
  type FrameReaderOptions,
  Inflater,
  NO_STATUS,
  type Opcode,
  PING,
  PONG,
  type Role,
  TEXT,
  WebSocketError,
} from '../../../src/codec/websocket/index.ts';
import { unguarded } from '../unguarded.ts';
import { type Compression, type Reading, type Sending, shown, shownClose } from './messages.ts';

/** What we read, as `readByWs`, but an error is `error CODE "MESSAGE"`. */
export async function readByUs(pieces: Iterable<Buffer>, reading: Reading): Promise<string[]> {
  const reader = new OurReader(reading);
  for (const piece of pieces) await reader.take(Buffer.from(piece));
  reader.close();
  return reader.events;
}

/** Puts FrameReader and Inflater together as a connection does. */
class OurReader {
  readonly events: string[] = [];
  readonly #reader: FrameReader;
  readonly #inflater: Inflater | null;
  #message: Buffer[] = [];
  #over = false;
  #settle: (error: WebSocketError | null) => void = () => {};

  constructor({ role, limits, compression }: Reading) {
    const options: FrameReaderOptions = { role, limits, compression: compression !== null };
    this.#reader = new FrameReader(options);
    this.#inflater =
      compression === null
        ? null
        : new Inflater(
            { ...compression, maxMessageBytes: limits.maxMessageBytes },
            {
              onInflated: (data, more) => this.#add(data, more),
              onInflaterIdle: () => this.#settle(null),
              onInflaterError: (error) => this.#settle(error),
            },
            unguarded,
          );
    this.#inflater?.grant(Number.POSITIVE_INFINITY);
  }

  async take(input: Buffer): Promise<void> {
    const reader = this.#reader;
    let offset = 0;
    try {
      while (!this.#over) {
        offset = reader.read(input, offset, Number.POSITIVE_INFINITY);
        if (reader.event === 'none') return;
        await this.#event();
      }
    } catch (error) {
      if (!(error instanceof WebSocketError)) throw error;
      this.#over = true;
      this.events.push(`error ${error.closeCode} "${error.message}"`);
    }
  }

  close(): void {
    this.#inflater?.close();
  }

  async #event(): Promise<void> {
    const { event, data, more, compressed, code, reason } = this.#reader;
    if (event === 'close') {
      this.#over = true;
      this.events.push(shownClose(code, Buffer.from(reason)));
    } else if (event !== 'data') {
      this.events.push(shown(event, data));
    } else if (compressed) {
      await this.#inflate(data, more);
    } else {
      this.#add(data, more);
    }
  }

  async #inflate(data: Buffer, more: boolean): Promise<void> {
    const error = await new Promise<WebSocketError | null>((resolve) => {
      this.#settle = resolve;
      this.#inflater?.write(data, this.#reader.text, more);
    });
    if (error !== null) throw error;
  }

  #add(data: Buffer, more: boolean): void {
    this.#message.push(Buffer.from(data));
    if (!more) this.events.push(shown(this.#reader.text ? 'text' : 'binary', Buffer.concat(this.#message.splice(0))));
  }
}

/** The bytes with which we, on the side `role`, send all of it. */
export async function writtenByUs(
  sent: readonly Sending[],
  role: Role,
  compression: Compression | null,
): Promise<Buffer> {
  const writer = new OurWriter(role, compression);
  for (const part of sent) await writer.send(part);
  writer.close();
  return Buffer.concat(writer.frames);
}

/** Puts frame writer and Deflater together as a connection does. */
class OurWriter {
  readonly frames: Buffer[] = [];
  readonly #role: Role;
  readonly #compression: Compression | null;
  readonly #deflater: Deflater | null;
  /** Opcode of the next frame of the message. */
  #opcode: Opcode = BINARY;
  /** Whether a message has begun that has not ended. */
  #open = false;
  #compressed = false;
  #idle: () => void = () => {};
  #fail: (error: Error) => void = () => {};

  constructor(role: Role, compression: Compression | null) {
    this.#role = role;
    this.#compression = compression;
    this.#deflater =
      compression === null
        ? null
        : new Deflater(
            compression,
            {
              onDeflated: (payload, more) => this.#frame(payload, more),
              onDeflaterIdle: () => this.#idle(),
              onDeflaterError: (error) => this.#fail(error),
            },
            unguarded,
          );
  }

  async send(part: Sending): Promise<void> {
    if (part.kind === 'close') this.#put(CLOSE, closePayload(part.code ?? NO_STATUS, part.reason));
    else if (part.kind === 'data') await this.#data(part);
    else this.#put(part.kind === 'ping' ? PING : PONG, part.data);
  }

  close(): void {
    this.#deflater?.close();
  }

  async #data({ text, data, more, compress }: Sending & { kind: 'data' }): Promise<void> {
    const deflater = this.#deflater;
    const compression = this.#compression;
    const whole = !this.#open && !more;
    if (!this.#open) {
      this.#opcode = text ? TEXT : BINARY;
      this.#compressed = compress && compression !== null;
    }
    this.#open = more;
    if (!this.#compressed || deflater === null || compression === null) {
      this.#frame(data, more);
    } else if (whole && !compression.contextTakeover && data.length % 2 === 0) {
      this.#frame(deflateMessage(data, compression), false);
    } else {
      await new Promise<void>((resolve, reject) => {
        this.#idle = resolve;
        this.#fail = reject;
        deflater.write(data, more);
      });
    }
  }

  #frame(payload: Buffer, more: boolean): void {
    this.#put(this.#opcode, payload, more, this.#compressed && this.#opcode !== CONTINUATION);
    this.#opcode = CONTINUATION;
  }

  #put(opcode: Opcode, payload: Buffer, more = false, compressed = false): void {
    // A client's key has to be random only where others might foresee it.
    const key = Math.imul(this.frames.length + 1, 0x9e37_79b1);
    this.frames.push(
      this.#role === 'server'
        ? encodeFrame(opcode, payload, more, compressed)
        : encodeMaskedFrame(opcode, payload, key, more, compressed),
    );
  }
}
