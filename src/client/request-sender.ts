import { chunkHeader, LAST_CHUNK, SMALL_BODY } from '../codec/http1/index.ts';
import { ExchangeError, type Requester, UNKNOWN_LENGTH, WINDOW } from '../exchange/index.ts';
import type { OriginConnection } from './origin-connection.ts';

/** Sends one request: its head, then its body as the requester supplies it, never more than the connection accepts. */
export class RequestSender {
  /** Some of the body has come from the requester, which cannot send it again. */
  bodyTaken = false;
  /** The origin has to accept data before more is written. */
  blocked = false;
  readonly #requester: Requester;
  readonly #head: string;
  readonly #chunked: boolean;
  /** Bytes still missing from a body of known length. */
  #left: number;
  /** The requester has sent everything. */
  #complete: boolean;
  #granted = false;
  /** Bytes to grant once the connection has accepted them. */
  #owed = 0;
  #headPending = false;
  /** Null until connected, and again while another connection is opened for a retry. */
  #connection: OriginConnection | null = null;
  /** Body that arrived without a connection: what the requester was granted on one that had gone stale. */
  #early: Buffer[] | null = null;

  /** @param head the text of the head with its empty line */
  constructor(requester: Requester, head: string, bodyLength: number) {
    this.#requester = requester;
    this.#head = head;
    this.#chunked = bodyLength === UNKNOWN_LENGTH;
    this.#left = this.#chunked ? 0 : bodyLength;
    this.#complete = bodyLength === 0;
  }

  /** All of the request has been written and accepted. */
  get done(): boolean {
    return this.#complete && !this.#headPending && !this.blocked;
  }

  /** The whole body has come from the requester. */
  get complete(): boolean {
    return this.#complete;
  }

  /** Connected, but the head is not written yet: `flushHead` is due at the end of this turn. */
  get untouched(): boolean {
    return this.#headPending;
  }

  /** Sends all of the request so far; a head without a body waits for `flushHead`. The first call grants the requester its first credits. */
  start(connection: OriginConnection): void {
    this.#connection = connection;
    this.#headPending = true;
    if (this.#complete && !this.bodyTaken) return;
    this.#sendEarly();
    if (!this.#granted) {
      this.#granted = true;
      this.#requester.onRequestCredit(WINDOW);
    }
  }

  /** The connection is gone: `start` may follow with another one if no body bytes were taken. */
  stop(): void {
    this.#connection = null;
    this.#headPending = false;
    this.#owed = 0;
    this.blocked = false;
  }

  /**
   * Takes body from the requester.
   * @throws ExchangeError HF_INTERNAL when it is not the body that was announced: framing it would corrupt the connection
   */
  take(chunk: Buffer, more: boolean): void {
    if (this.#complete) {
      if (chunk.length === 0) return;
      throw new ExchangeError('HF_INTERNAL', 'request body continued after its end');
    }
    if (!this.#chunked) {
      this.#left -= chunk.length;
      if (this.#left < 0) throw new ExchangeError('HF_INTERNAL', 'request body is longer than announced');
      if (!more && this.#left > 0) throw new ExchangeError('HF_INTERNAL', 'request body is shorter than announced');
    }
    this.bodyTaken = true;
    this.#complete = !more;
    if (this.#connection !== null) this.#send(chunk, more);
    else if (this.#early === null) this.#early = [chunk];
    else this.#early.push(chunk);
  }

  /** The connection has accepted everything: the requester may go on. */
  drained(): void {
    this.blocked = false;
    const bytes = this.#owed;
    this.#owed = 0;
    if (bytes > 0 && !this.#complete) this.#requester.onRequestCredit(bytes);
  }

  /** Writes the head alone if no body has come yet. */
  flushHead(): void {
    if (!this.#headPending) return;
    this.#headPending = false;
    this.#write(this.#head);
  }

  #sendEarly(): void {
    const early = this.#early;
    if (early === null) return;
    this.#early = null;
    for (let i = 0; i < early.length && this.#connection !== null; i++) {
      this.#send(early[i] as Buffer, !this.#complete || i < early.length - 1);
    }
  }

  /** Frames and writes one part of the body, with the head if that has not left yet, and returns its credit. */
  #send(chunk: Buffer, more: boolean): void {
    const { length } = chunk;
    let before = '';
    let after = '';
    if (this.#headPending) {
      this.#headPending = false;
      before = this.#head;
    }
    if (this.#chunked) {
      // RFC 9112 §7.1: an empty chunk would end the body.
      if (length > 0) {
        before += chunkHeader(length);
        after = '\r\n';
      }
      if (!more) after += LAST_CHUNK;
    }
    if (before === '' && after === '') {
      if (length > 0) this.#write(chunk);
    } else if (length <= SMALL_BODY) {
      this.#write(before + chunk.toString('latin1') + after);
    } else {
      const connection = this.#connection as OriginConnection;
      connection.cork();
      if (before !== '') this.#write(before);
      this.#write(chunk);
      if (after !== '') this.#write(after);
      connection.uncork();
    }
    if (this.blocked) this.#owed += length;
    else if (more && length > 0) this.#requester.onRequestCredit(length);
  }

  #write(data: Buffer | string): void {
    if (!(this.#connection as OriginConnection).write(data)) this.blocked = true;
  }
}
