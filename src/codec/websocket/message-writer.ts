import type { CallGuard } from '../calls/index.ts';
import type { DeflateParameters } from './deflate-parameters.ts';
import { Deflater, type DeflaterSink } from './deflater.ts';
import type { Role } from './frame-reader.ts';
import { encodeFrame, encodeMaskedFrame, encodeMessage, frameHeader } from './frame-writer.ts';
import { maskKey } from './mask-keys.ts';
import { BINARY, CLOSE, CONTINUATION, type Opcode, TEXT } from './opcodes.ts';
import { WebSocketError } from './websocket-error.ts';

/** A payload of up to this many bytes is copied after its header: cheaper than two buffers. */
const SMALL_PAYLOAD = 4_096;

/** Charged for each piece that waits for the deflater, in addition to its bytes. */
const PIECE_CHARGE = 256;

/**
 * Bytes that may wait for the deflater of one WebSocket, with 256 more charged per piece: a window of one-byte messages fits.
 * @bound websocket-deflate-queue
 */
export const MAX_DEFLATE_QUEUE = 65_536 * 257;

/** Receives the output of a `MessageWriter`. */
export interface FrameSink {
  /** Bytes for the socket. */
  writeFrame(data: Buffer): void;
  /** This many more bytes passed to `message` are in frames. */
  onFramed(bytes: number): void;
  /** The close frame, which is the last one, is written. */
  onCloseFramed(): void;
  /** A message cannot be compressed because memory ran out. Only a close frame can still be written. */
  onWriterError(error: WebSocketError): void;
}

/** A whole message that many writers write. */
export interface SharedMessage {
  readonly body: Buffer;
  readonly text: boolean;
  /** The message as `encodeMessage` makes it; set by the first writer. */
  frames: Buffer | null;
}

/** Whole messages that many writers write one after the other. */
export interface SharedMessages {
  readonly messages: readonly SharedMessage[];
  /** Bytes of all bodies. */
  readonly length: number;
  /** All messages as `encodeMessage` makes them; set by the first writer. */
  frames: Buffer | null;
}

/** How one direction of a connection is written. */
export interface MessageWriterOptions {
  /** Which side writes: the frames of a client are masked (RFC 6455 §5.1). */
  readonly role: Role;
  /** How messages are compressed; null: not at all. */
  readonly deflate: DeflateParameters | null;
  /** Wraps what zlib calls. */
  readonly guard: CallGuard;
}

/** A piece of a message that waits for the deflater. */
interface Piece {
  readonly chunk: Buffer;
  readonly text: boolean;
  readonly more: boolean;
}

/**
 * Turns messages for one peer into frames (RFC 6455 §5): each piece of a message into one, or, if it is compressed (RFC 7692 §7.2), into as many as
 * the deflater makes. Compressed pieces wait for each other, and the close frame for them; pings and pongs do not.
 */
export class MessageWriter implements DeflaterSink {
  readonly #sink: FrameSink;
  readonly #masked: boolean;
  readonly #deflate: DeflateParameters | null;
  readonly #guard: CallGuard;
  #deflater: Deflater | null = null;
  /** Whether a message is in progress. */
  #inMessage = false;
  /** Pieces that wait for the deflater, the first one in progress; null until one has to wait. */
  #queue: Piece[] | null = null;
  /** Bytes charged for the queue. */
  #queuedBytes = 0;
  /** Payload of the close frame that waits for the queue. */
  #close: Buffer | null = null;
  #pumping = false;

  constructor(sink: FrameSink, options: MessageWriterOptions) {
    this.#sink = sink;
    this.#masked = options.role === 'client';
    this.#deflate = options.deflate;
    this.#guard = options.guard;
  }

  /**
   * Writes a piece of a message. `chunk` is not changed.
   * @throws WebSocketError 1011 if more than `MAX_DEFLATE_QUEUE` bytes wait for the deflater; then only a close can be written
   */
  message(chunk: Buffer, text: boolean, more: boolean): void {
    // The frame would carry nothing and end nothing.
    if (chunk.length === 0 && more) return;
    if (this.#deflate === null) {
      this.#frame(chunk, text, more, false);
      this.#sink.onFramed(chunk.length);
      return;
    }
    this.#queuedBytes += chunk.length + PIECE_CHARGE;
    if (this.#queuedBytes > MAX_DEFLATE_QUEUE) {
      this.release();
      throw new WebSocketError(1011, `more than ${MAX_DEFLATE_QUEUE} bytes of messages wait for compression`);
    }
    this.#queue ??= [];
    this.#queue.push({ chunk, text, more });
    this.#pump(this.#deflater ?? this.#openDeflater(this.#deflate));
  }

  /**
   * Writes a whole message, whose frames are shared with the other writers that write it, between two messages.
   * @throws WebSocketError as `message`
   */
  shared(message: SharedMessage): void {
    if (!this.shares) {
      this.message(message.body, message.text, false);
      return;
    }
    message.frames ??= encodeMessage(message.body, message.text);
    this.#sink.writeFrame(message.frames);
    this.#sink.onFramed(message.body.length);
  }

  /** Writes whole messages at once, if the writer `shares` frames. */
  joined(shared: SharedMessages): void {
    shared.frames ??= encodeMessages(shared.messages);
    this.#sink.writeFrame(shared.frames);
    this.#sink.onFramed(shared.length);
  }

  /** Whether its frames are those of other writers: they are neither masked nor compressed. */
  get shares(): boolean {
    return !this.#masked && this.#deflate === null;
  }

  /**
   * Writes a ping or a pong.
   * @throws WebSocketError 1011 for more than 125 bytes
   */
  control(opcode: Opcode, data: Buffer): void {
    this.#write(opcode, data, false, false);
  }

  /** Writes a close frame after all messages. */
  close(payload: Buffer): void {
    this.#close = payload;
    if (!this.#waiting) this.#writeClose(payload);
  }

  /** Frees what compression holds; messages that wait for it are dropped. */
  release(): void {
    this.#deflater?.close();
    this.#deflater = null;
    this.#queue = null;
    this.#queuedBytes = 0;
  }

  /** Whether a message may begin, and nothing waits. Another writer can continue from here, with a fresh compression context. */
  get between(): boolean {
    return !this.#inMessage && !this.#waiting && this.#close === null;
  }

  get #waiting(): boolean {
    return this.#queue !== null && this.#queue.length > 0;
  }

  #frame(payload: Buffer, text: boolean, more: boolean, compressed: boolean): void {
    const first = !this.#inMessage;
    this.#inMessage = more;
    this.#write(first ? (text ? TEXT : BINARY) : CONTINUATION, payload, more, first && compressed);
  }

  #write(opcode: Opcode, payload: Buffer, more: boolean, compressed: boolean): void {
    const sink = this.#sink;
    if (this.#masked) {
      sink.writeFrame(encodeMaskedFrame(opcode, payload, maskKey(), more, compressed));
    } else if (payload.length <= SMALL_PAYLOAD) {
      sink.writeFrame(encodeFrame(opcode, payload, more, compressed));
    } else {
      sink.writeFrame(frameHeader(opcode, payload.length, more, compressed));
      sink.writeFrame(payload);
    }
  }

  #writeClose(payload: Buffer): void {
    this.#write(CLOSE, payload, false, false);
    this.release();
    this.#sink.onCloseFramed();
  }

  #openDeflater(parameters: DeflateParameters): Deflater {
    const { clientMaxWindowBits, clientNoContextTakeover, serverMaxWindowBits, serverNoContextTakeover } = parameters;
    const options = this.#masked
      ? { windowBits: clientMaxWindowBits, contextTakeover: !clientNoContextTakeover }
      : { windowBits: serverMaxWindowBits, contextTakeover: !serverNoContextTakeover };
    this.#deflater = new Deflater(options, this, this.#guard);
    return this.#deflater;
  }

  /** Gives the deflater one piece after the other. An empty one completes at once: the loop keeps the stack flat if there are many. */
  #pump(deflater: Deflater): void {
    if (this.#pumping) return;
    this.#pumping = true;
    while (!deflater.busy && this.#queue !== null) {
      const [piece] = this.#queue;
      if (piece === undefined) break;
      deflater.write(piece.chunk, piece.more);
    }
    this.#pumping = false;
    if (this.#close !== null && this.#deflater === deflater && !this.#waiting) this.#writeClose(this.#close);
  }

  /** Output of the deflater for the first piece in the queue. */
  onDeflated(payload: Buffer, more: boolean): void {
    const piece = this.#queue?.[0];
    if (piece !== undefined) this.#frame(payload, piece.text, more, true);
  }

  onDeflaterIdle(): void {
    const piece = this.#queue?.shift();
    if (piece !== undefined) {
      this.#queuedBytes -= piece.chunk.length + PIECE_CHARGE;
      this.#sink.onFramed(piece.chunk.length);
    }
    if (this.#deflater !== null) this.#pump(this.#deflater);
  }

  onDeflaterError(error: WebSocketError): void {
    this.release();
    this.#sink.onWriterError(error);
  }
}

function encodeMessages(messages: readonly SharedMessage[]): Buffer {
  return Buffer.concat(messages.map(({ frames, body, text }) => frames ?? encodeMessage(body, text)));
}
