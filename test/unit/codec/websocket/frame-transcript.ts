import {
  DEFAULT_LIMITS,
  FrameReader,
  NO_STATUS,
  type Role,
  WebSocketError,
  type WebSocketLimits,
} from '../../../../src/codec/websocket/index.ts';
import type { ProtocolCase } from '../../../support/cases.ts';

/** How bytes are given to a reader. */
export interface Feeding {
  readonly role: Role;
  readonly limits: WebSocketLimits;
  readonly compression: boolean;
  /** Message bytes that each read is granted. */
  readonly credit: number;
}

/** A message as far as it was read, in latin1. */
export interface ReadMessage {
  readonly text: boolean;
  readonly compressed: boolean;
  data: string;
  complete: boolean;
}

/**
 * How a case of `test/cases/websocket` with frames is read, with unlimited credit.
 * @throws Error for options that `test/cases/websocket/README.md` does not explain
 */
export function feedingOf(protocolCase: ProtocolCase): Feeding {
  const { kind, options } = protocolCase;
  if (kind !== 'frames to server' && kind !== 'frames to client') throw new Error(`unknown kind of input: ${kind}`);
  let limits = DEFAULT_LIMITS;
  for (const [key, value] of options) {
    if (key === 'limits') limits = { ...limits, ...limitsOf(value) };
    else if (key !== 'compression') throw new Error(`unknown option: ${key}`);
  }
  const role = kind === 'frames to server' ? 'server' : 'client';
  return { role, limits, compression: options.has('compression'), credit: Number.POSITIVE_INFINITY };
}

function limitsOf(text: string): Partial<WebSocketLimits> {
  const limits: Record<string, number> = {};
  for (const setting of text.split(' ')) {
    const [, name = '', value] = /^(maxFrameBytes|maxMessageBytes|maxFragments)=(\d+)$/.exec(setting) ?? [];
    if (name === '') throw new Error(`unknown limit: ${setting}`);
    limits[name] = Number(value);
  }
  return limits;
}

/**
 * Reads frames as a connection does, and writes down what happens.
 * @throws whatever the reader throws that is no `WebSocketError`, and Error when it breaks its own contract
 */
export class FrameTranscript {
  /** One event a line; data that came in pieces is one event, unless a control frame came between. */
  readonly events: string[] = [];
  readonly messages: ReadMessage[] = [];
  /** Close code of the failure, or 0. */
  failure = 0;
  readonly #credit: number;
  readonly #reader: FrameReader;
  #data: string | null = null;
  #closed = false;
  #rest = 0;

  constructor(feeding: Feeding) {
    this.#credit = feeding.credit;
    this.#reader = new FrameReader(feeding);
  }

  /** The transcript of `pieces`, each a copy of its own. */
  static of(pieces: Iterable<Buffer>, feeding: Feeding): FrameTranscript {
    const transcript = new FrameTranscript(feeding);
    for (const piece of pieces) {
      if (transcript.failure === 0) transcript.#feed(Buffer.from(piece));
    }
    transcript.#flush('more');
    if (transcript.#rest > 0) transcript.events.push(`rest ${transcript.#rest}`);
    return transcript;
  }

  #feed(input: Buffer): void {
    const reader = this.#reader;
    let offset = 0;
    try {
      do {
        const end = reader.read(input, offset, this.#credit);
        if (end < offset || end > input.length) throw new Error('an offset outside of the input');
        if (reader.event === 'none' && end < input.length && !this.#closed) throw new Error('input left with credit');
        offset = end;
        this.#take();
      } while (reader.event !== 'none');
    } catch (error) {
      this.#refuse(error);
    }
    if (reader.data.length > 0) throw new Error('the reader holds on to input');
    if (this.#closed) this.#rest += input.length - offset;
  }

  #take(): void {
    const { event, data, code, reason } = this.#reader;
    if (this.#closed && event !== 'none') throw new Error('an event behind the close frame');
    if (event === 'data') {
      this.#takeData();
    } else if (event === 'close') {
      this.#flush('more');
      const text = Buffer.from(reason).toString('latin1');
      this.events.push(code === NO_STATUS ? 'close' : `close ${code} "${text}"`);
      this.#closed = true;
    } else if (event !== 'none') {
      this.#flush('more');
      this.events.push(`${event} "${data.toString('latin1')}"`);
    }
  }

  #takeData(): void {
    const { data, more, text, compressed } = this.#reader;
    if (data.length > this.#credit) throw new Error('more data than credit');
    if (data.length === 0 && more) throw new Error('an empty piece in the middle');
    let message = this.messages.at(-1);
    if (message === undefined || message.complete) {
      message = { text, compressed, data: '', complete: false };
      this.messages.push(message);
    }
    if (text !== message.text || compressed !== message.compressed) throw new Error('the kind of a message changed');
    const piece = data.toString('latin1');
    message.data += piece;
    this.#data = (this.#data ?? '') + piece;
    if (!more) {
      message.complete = true;
      this.#flush('');
    }
  }

  #flush(end: '' | 'more'): void {
    if (this.#data === null) return;
    const { text, compressed } = this.messages.at(-1) as ReadMessage;
    this.events.push(
      `${compressed ? 'compressed ' : ''}${text ? 'text' : 'binary'} "${this.#data}"${end === '' ? '' : ' more'}`,
    );
    this.#data = null;
  }

  #refuse(error: unknown): void {
    if (!(error instanceof WebSocketError)) throw error;
    this.#flush('more');
    this.events.push(`error ${error.closeCode} "${error.message}"`);
    this.failure = error.closeCode;
    try {
      this.#reader.read(Buffer.from([0]), 0, this.#credit);
    } catch (again) {
      if (again === error) return;
    }
    throw new Error('reading went on behind a failure');
  }
}
