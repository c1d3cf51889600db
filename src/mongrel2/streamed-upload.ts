import type { AtTurnEnd, TurnQueue } from '../clock/index.ts';
import { BodyCollector, CreditedBody, type Requester, type Responder } from '../exchange/index.ts';
import type { UploadMessages } from './upload-messages.ts';

/** Bytes of the body that the first message may have: those that came with the head. Mongrel2 has a buffer of this size. */
const FIRST_BYTES = 4_096;

/** More credits than this count as this: they are a sum. */
const MAX_CREDITS = 2 ** 40;

/**
 * The body of a request that goes to its handler in parts, as the handler grants credits. The first message has the request and what came with
 * it; of a chunked body nothing, and its last message is empty.
 */
export class StreamedUpload extends CreditedBody implements Responder, AtTurnEnd {
  readonly #requester: Requester;
  readonly #messages: UploadMessages;
  readonly #chunked: boolean;
  readonly #turn: TurnQueue;
  /** Where the next part begins. */
  #offset = 0;
  /** What came with the head; null once it was sent. */
  #first: BodyCollector | null = new BodyCollector(FIRST_BYTES);
  /** The body was whole by then. */
  #whole = false;

  /** @param turn at whose end the first message is sent */
  constructor(requester: Requester, messages: UploadMessages, chunked: boolean, turn: TurnQueue) {
    super();
    this.#turn = turn;
    this.#requester = requester;
    this.#messages = messages;
    this.#chunked = chunked;
  }

  /** Sends the first message, at the end of the turn in which the head came. */
  start(): void {
    if (!this.#chunked) this.#requester.onRequestCredit(FIRST_BYTES);
    this.#turn.add(this);
  }

  onTurnEnd(): void {
    const first = this.#first;
    this.#first = null;
    if (first === null || this.done) return;
    const last = this.#whole && !this.#chunked;
    this.done = last;
    this.#send(first.body, !last, true);
    if (this.#whole && !last) this.end();
  }

  /** The handler takes so many bytes more. Returns false if all have been sent. */
  grant(bytes: number): boolean {
    if (this.done) return false;
    const credits = Math.min(bytes, MAX_CREDITS - this.credits);
    if (credits <= 0) return true;
    this.credit(credits);
    // What came with the head and waits counts towards these.
    if (!this.complete && !this.done) this.#requester.onRequestCredit(credits);
    return true;
  }

  onDelivered(): void {}

  onRequestData(chunk: Buffer, more: boolean): void {
    if (this.#first !== null && !this.done) {
      this.#first.add(chunk);
      this.#whole = !more;
    } else if (this.#chunked && !more) {
      if (chunk.length > 0) this.give(chunk);
      this.end();
    } else {
      this.give(chunk, !more);
    }
  }

  /** The client has left, or its connection was closed because the handler gave the upload up. */
  onRequestError(): void {
    this.#first = null;
    this.drop();
  }

  onResponseCredit(): void {}

  onFault(thrown: unknown): void {
    this.onRequestError();
    this.#messages.fault(thrown);
  }

  protected override pass(chunk: Buffer, more: boolean): void {
    this.#send(chunk, more, false);
  }

  #send(chunk: Buffer, more: boolean, first: boolean): void {
    const messages = this.#messages;
    let extra = messages.pair('UPLOAD_STREAM', String(this.#offset));
    if (!more) extra += messages.pair('UPLOAD_STREAM_DONE', '1');
    this.#offset += chunk.length;
    const sent = first ? messages.sendRequest(extra, chunk, !more) : messages.sendPart(extra, chunk, !more);
    if (!sent) this.drop();
  }
}
