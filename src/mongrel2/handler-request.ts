import { withoutFields } from '../codec/fields/index.ts';
import type { HandlerRequest as MessageRequest } from '../codec/mongrel2/index.ts';
import {
  BodyCollector,
  type ByteHolder,
  ExchangeError,
  NO_OWN_FIELDS,
  type Requester,
  type RequestHead,
  type Responder,
  UNKNOWN_LENGTH,
  WINDOW,
} from '../exchange/index.ts';
import type { PushPeer } from '../zmq/index.ts';
import type { HandlerSockets } from './handler-sockets.ts';
import type { HandlerTie } from './handler-tie.ts';
import type { Mongrel2Connection } from './mongrel2-connection.ts';
import type { SiteContext } from './site-context.ts';
import type { WaitingMessage } from './untaken-messages.ts';

const NO_BODY = Buffer.alloc(0);

/** The route of such requests. */
export interface RequestTarget {
  readonly site: SiteContext;
  readonly sockets: HandlerSockets;
  /** The message of a request. */
  message(connection: Mongrel2Connection, request: MessageRequest, body: Buffer, accept: string): Buffer | string;
  /** A process has taken that. */
  take(connection: Mongrel2Connection, request: RequestHead, requester: Requester, accept: string): void;
  /** The request fails: notes it in the access log. */
  logFailure(request: RequestHead, error: ExchangeError): void;
}

/** A request that its handler does not get at once: its body is collected, or no process takes it now. */
export class HandlerRequest implements Responder, WaitingMessage, ByteHolder {
  message: Buffer | string = '';
  peer: PushPeer | null = null;
  readonly #target: RequestTarget;
  readonly #request: RequestHead;
  readonly #requester: Requester;
  readonly #connection: Mongrel2Connection;
  readonly #tie: HandlerTie;
  readonly #accept: string;
  /** Null without a body, and when it is in the message. */
  #body: BodyCollector | null = null;
  /** The client has left, or the handler has it. */
  #over = false;

  /** @param accept what the client of a WebSocket expects for its key; empty for other requests */
  constructor(
    target: RequestTarget,
    request: RequestHead,
    requester: Requester,
    connection: Mongrel2Connection,
    accept: string,
  ) {
    this.#target = target;
    this.#request = request;
    this.#requester = requester;
    this.#connection = connection;
    this.#tie = connection.tie(target.sockets);
    this.#accept = accept;
  }

  /** Asks for the body. */
  collect(): void {
    const { contentLength } = this.#target.site.settings;
    this.#body = new BodyCollector(contentLength);
    // One byte more than fits: so a body that is too long is seen to be.
    this.#requester.onRequestCredit(Math.min(WINDOW, contentLength + 1));
  }

  onRequestData(chunk: Buffer, more: boolean): void {
    if (this.#over || this.#body === null) return;
    if (!this.#body.add(chunk)) {
      this.#fail(new ExchangeError('HF_BODY_TOO_LARGE', `more than ${this.#target.site.settings.contentLength} bytes`));
    } else if (more) {
      if (chunk.length === 0) return;
      this.#target.site.inputs.hold(this, chunk.length);
      this.#requester.onRequestCredit(chunk.length);
    } else {
      this.offer();
    }
  }

  /** All of the request is here. */
  offer(): void {
    const body = this.#body?.body ?? NO_BODY;
    this.#dropBody();
    const request = wholeRequest(this.#request, body.length);
    this.message = this.#target.message(this.#connection, request, body, this.#accept);
    if (this.#tie.send(this.message)) {
      this.#take();
      return;
    }
    this.peer = this.#tie.peer;
    // As for a client that a handler has, a FIN means that it has left.
    this.#requester.abortOnHalfClose?.();
    if (!this.#target.sockets.wait(this)) this.#untaken('too many messages wait for the handler');
  }

  #take(): void {
    this.#over = true;
    this.#target.take(this.#connection, this.#request, this.#requester, this.#accept);
  }

  onTaken(peer: PushPeer): void {
    this.#tie.taken(peer);
    this.#take();
  }

  onUntaken(): void {
    this.#untaken('no handler took the request in time');
  }

  #untaken(detail: string): void {
    this.#target.site.counters.requestsUntaken++;
    this.#fail(new ExchangeError('HF_BACKEND_ABSENT', detail));
  }

  onRequestError(): void {
    if (this.#over) return;
    this.#over = true;
    this.#dropBody();
    this.#target.sockets.withdraw(this);
  }

  onResponseCredit(): void {}

  onHeldTooMuch(): void {
    this.#fail(new ExchangeError('HF_BACKEND_OVERLOADED', 'its body was the largest when bodies took too much'));
  }

  #dropBody(): void {
    if (this.#body === null) return;
    this.#body = null;
    this.#target.site.inputs.releaseAll(this);
  }

  #fail(error: ExchangeError): void {
    if (this.#over) return;
    this.#over = true;
    this.#dropBody();
    this.#target.logFailure(this.#request, error);
    this.#requester.onResponseError(error);
  }

  onFault(thrown: unknown): void {
    this.#target.site.fault(thrown, { id: this.#request.id });
    this.#fail(new ExchangeError('HF_INTERNAL'));
  }
}

/** The request as its handler gets it with all of its body: what was chunked has a length now. */
function wholeRequest(request: RequestHead, length: number): MessageRequest {
  if (request.bodyLength !== UNKNOWN_LENGTH) return request;
  const { method, target, scheme, version, peer, ownFields = NO_OWN_FIELDS } = request;
  const kept = withoutFields(request.headers, (name) => name === 'transfer-encoding' || name === 'trailer');
  return { method, target, scheme, version, peer, headers: [...kept, 'content-length', String(length)], ownFields };
}
