import {
  CreditedBody,
  type ExchangeError,
  type Requester,
  type RequestHead,
  type Responder,
  type ResponseHead,
  UNKNOWN_LENGTH,
} from '../exchange/index.ts';
import { sockJsRefusal } from './sockjs-responses.ts';
import { type SockJsTransport, transportFields } from './sockjs-transport.ts';

/** Bytes after which a streaming response ends, so that it does not fill the client's memory. The client asks for another one. */
const STREAM_BYTES = 131_072;

/** The session that a receiver belongs to. */
export interface ReceivingSession {
  /** The client has taken all that was sent. */
  onTaken(receiver: SockJsReceiver): void;
  /** The client has left. */
  onReceiverLeft(receiver: SockJsReceiver, error: ExchangeError): void;
}

/** A request that waits for frames of a session: its response. */
export class SockJsReceiver extends CreditedBody implements Responder {
  readonly request: RequestHead;
  /** Set while the session uses it. */
  session: ReceivingSession | null = null;
  /** Bytes of the origin's messages that it carries and the client has not taken. */
  owed = 0;
  /** What the total of what is held counts for them. */
  cost = 0;
  readonly #requester: Requester;
  readonly #transport: SockJsTransport;
  readonly #callback: string;
  readonly #halfClose: boolean;
  #started = false;
  #sent = 0;

  /** @param halfClose whether its client may close its side and still wait */
  constructor(
    request: RequestHead,
    requester: Requester,
    transport: SockJsTransport,
    callback: string,
    halfClose: boolean,
  ) {
    super(request.credits);
    this.request = request;
    this.#requester = requester;
    this.#transport = transport;
    this.#callback = callback;
    this.#halfClose = halfClose;
  }

  /** Whether it takes another frame now. */
  get free(): boolean {
    return !this.complete && this.waiting === 0;
  }

  /** It begins to wait for frames. A client that closes its side has left: otherwise only a heartbeat would find out. */
  wait(): void {
    if (!this.complete && !this.#halfClose) this.#requester.abortOnHalfClose?.();
  }

  /** Begins a streaming response: the client learns that it is there. */
  begin(): void {
    const { prelude, streaming } = this.#transport;
    if (!streaming || this.#started) return;
    this.#respond(UNKNOWN_LENGTH);
    this.give(Buffer.from(prelude));
  }

  /** Sends a frame. A polling response ends with it. */
  send(frame: string, last = false): void {
    const { prelude, streaming, encode } = this.#transport;
    const bytes = Buffer.from((this.#started ? '' : prelude) + encode(frame, this.#callback));
    this.#sent += bytes.length;
    const ends = last || !streaming || this.#sent > STREAM_BYTES;
    if (!this.#started) this.#respond(ends ? bytes.length : UNKNOWN_LENGTH);
    this.give(bytes, ends);
    this.#settle();
  }

  /** Begins the response of an origin that accepts no session. `relay` passes its body. */
  refuse(head: ResponseHead): void {
    this.#started = true;
    this.#requester.onResponse(sockJsRefusal(this.request, head));
  }

  relay(chunk: Buffer, more: boolean): void {
    this.owed += chunk.length;
    this.give(chunk, !more);
    this.#settle();
  }

  /** Ends it with an error: as its response, or by cutting that off. */
  fail(error: ExchangeError): void {
    this.session = null;
    if (this.done) return;
    this.drop();
    this.#requester.onResponseError(error);
  }

  onRequestData(): void {}

  onRequestError(error: ExchangeError): void {
    const { session } = this;
    this.drop();
    this.session = null;
    session?.onReceiverLeft(this, error);
  }

  onResponseCredit(bytes: number): void {
    this.credit(bytes);
    this.#settle();
  }

  protected override pass(chunk: Buffer, more: boolean): void {
    this.#requester.onResponseData(chunk, more);
  }

  #respond(bodyLength: number): void {
    this.#started = true;
    const headers = transportFields(this.#transport, this.request);
    this.#requester.onResponse({ status: 200, reason: '', headers, bodyLength });
  }

  #settle(): void {
    if (this.waiting === 0 && (this.done || !this.complete)) this.session?.onTaken(this);
  }
}
