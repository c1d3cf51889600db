import type { Socket } from 'node:net';
import {
  type BodyReader,
  bodyReader,
  CHUNKED,
  type Http1RequestHead,
  RequestHeadReader,
} from '../codec/http1/index.ts';
import {
  ExchangeError,
  type Payload,
  type Peer,
  type Requester,
  type RequestHead,
  type Responder,
  type ResponseHead,
  UNKNOWN_LENGTH,
  WINDOW,
} from '../exchange/index.ts';
import { WheelTimer } from '../net/index.ts';
import type { ConnectionHost } from './connection-host.ts';
import { LINGER_MS } from './options.ts';
import { ResponseWriter } from './response-writer.ts';
import { toExchangeError } from './to-exchange-error.ts';

/** Between requests. */
const IDLE = 0;
/** Part of a request head is here. */
const HEAD = 1;
/** A service has the request. */
const EXCHANGE = 2;
/** The last answer is out; input is thrown away until the client has closed too. */
const LINGER = 3;
const CLOSED = 4;

const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';
const EMPTY = Buffer.alloc(0);
const NEVER = Number.POSITIVE_INFINITY;

/**
 * One client connection speaking HTTP/1 (RFC 9112): reads requests one at a time, gives each to the service as an exchange, and is the
 * `Requester` that takes the answer. An idle one is this object and its socket: no buffers, no timer of its own.
 */
export class Http1Connection extends WheelTimer implements Requester {
  readonly #socket: Socket;
  readonly #server: ConnectionHost;
  readonly #number: number;
  readonly #peer: Peer;
  #exchanges = 0;
  #state = IDLE;
  /** When `onTimer` has something to do, in the wheel's time; the timer itself may fire earlier and find nothing. */
  #deadline = NEVER;
  /** When the timer fires, in the wheel's time. */
  #timerAt = NEVER;
  /** When the whole request has to be here. */
  #requestDeadline = NEVER;
  #reader: RequestHeadReader | null = null;
  /** Input that could not be taken yet: body without credit, or the next request. */
  #unread: Buffer | null = null;
  #consuming = false;
  /** The client has sent FIN: no more input, but it may still be reading. */
  #inputEnded = false;
  /** Not null while bytes of the request body are to come. */
  #body: BodyReader | null = null;
  #requestCredit = 0;
  #awaitsContinue = false;
  #responder: Responder | null = null;
  #writer: ResponseWriter | null = null;
  /** Bytes of response body that wait in the socket: credit for them comes back when it has drained. */
  #owedCredit = 0;
  #blocked = false;

  constructor(socket: Socket, server: ConnectionHost, number: number) {
    super();
    this.#socket = socket;
    this.#server = server;
    this.#number = number;
    this.#peer = { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 };
    this.#setDeadline(server.limits.idleTimeout);
  }

  /** Names the connection and the exchange on it. */
  get #id(): string {
    return `${this.#number}-${this.#exchanges}`;
  }

  // ---- input

  /** Bytes of the client. */
  onInput(chunk: Buffer): void {
    if (this.#state >= LINGER) return;
    if (this.#unread !== null) {
      this.#keep(Buffer.concat([this.#unread, chunk]));
      if (this.#consuming) return;
      this.#consumeUnread();
    } else {
      this.#consume(chunk);
    }
  }

  #consumeUnread(): void {
    const input = this.#unread;
    if (input === null || this.#consuming) return;
    this.#unread = null;
    this.#consume(input);
    if (this.#unread === null && this.#socket.isPaused()) this.#socket.resume();
  }

  #consume(input: Buffer): void {
    this.#consuming = true;
    let offset = 0;
    try {
      while (offset < input.length && this.#state < LINGER) {
        const before = offset;
        const state = this.#state;
        if (state !== EXCHANGE) {
          // A client that does not read its answers gets no further ones.
          if (this.#blocked) break;
          offset = this.#readHead(input, offset);
        } else {
          if (this.#body === null) break;
          offset = this.#readBody(this.#body, input, offset);
          if (offset === before && this.#body !== null) break;
        }
      }
    } catch (error) {
      this.#refuse(toExchangeError(error));
    }
    this.#consuming = false;
    if (this.#state >= LINGER) return;
    if (offset < input.length) this.#keep(input.subarray(offset));
    else if (this.#inputEnded) this.#checkEnd();
  }

  #keep(input: Buffer): void {
    this.#unread = input;
    // Reading goes on for a while, to notice a client that leaves.
    if (input.length >= this.#server.limits.pipelineBytes) this.#socket.pause();
  }

  #readHead(input: Buffer, offset: number): number {
    const { limits } = this.#server;
    const wheel = this.#server.wheel;
    let reader = this.#reader;
    if (reader === null) {
      reader = new RequestHeadReader(limits);
      this.#requestDeadline = limits.requestTimeout === 0 ? NEVER : wheel.now + limits.requestTimeout * 1000;
    }
    const head = reader.read(input, offset);
    if (head === null) {
      this.#reader = reader;
      if (this.#state === IDLE) {
        this.#state = HEAD;
        this.#setDeadline(limits.headerTimeout);
      }
      return reader.offset;
    }
    this.#reader = null;
    this.#begin(head);
    return reader.offset;
  }

  #begin(head: Http1RequestHead): void {
    const server = this.#server;
    this.#state = EXCHANGE;
    server.counters.requests++;
    const keepAlive = head.keepAlive && !server.draining;
    const writer = new ResponseWriter(this.#socket, head.method, head.minorVersion, keepAlive);
    this.#writer = writer;
    this.#exchanges++;
    this.#requestCredit = 0;
    this.#owedCredit = 0;
    this.#responder = null;
    if (head.expectUnknown) throw new ExchangeError('HF_EXPECTATION');
    if (head.bodyLength === 0) {
      this.#body = null;
      this.#deadline = NEVER;
    } else {
      this.#body = bodyReader(head.bodyLength, server.limits);
      this.#awaitsContinue = head.expectContinue;
      this.#setBodyDeadline();
    }
    const request: RequestHead = {
      id: this.#id,
      method: head.method,
      target: head.target,
      scheme: 'http',
      authority: head.authority,
      minorVersion: head.minorVersion,
      headers: head.headers,
      bodyLength: head.bodyLength === CHUNKED ? UNKNOWN_LENGTH : head.bodyLength,
      peer: this.#peer,
      credits: WINDOW,
    };
    const responder = server.service(request, this);
    // The service may have answered already, or handed over to another responder.
    if (this.#writer === writer && this.#responder === null) this.#responder = responder;
  }

  #readBody(body: BodyReader, input: Buffer, offset: number): number {
    if (this.#responder === null) return offset;
    const end = body.read(input, offset, this.#requestCredit);
    if (end > offset) this.#awaitsContinue = false;
    const { data, done } = body;
    if (done) {
      this.#body = null;
      if (!this.#blocked) this.#deadline = NEVER;
    } else if (end > offset) {
      this.#setBodyDeadline();
    }
    if (data !== null) this.#requestCredit -= data.length;
    if (data !== null || done) this.#responder.onRequestData(data ?? EMPTY, !done);
    return end;
  }

  /** The client sends no more (FIN). */
  onInputEnd(): void {
    this.#inputEnded = true;
    if (this.#unread === null) this.#checkEnd();
  }

  /** All input has been read, and no more will come. */
  #checkEnd(): void {
    if (this.#state === IDLE) {
      this.#close();
    } else if (this.#state === HEAD) {
      this.#refuse(new ExchangeError('HF_BAD_REQUEST', 'the connection ended within the request header'));
    } else if (this.#state === EXCHANGE) {
      if (this.#body !== null) {
        this.#refuse(new ExchangeError('HF_BAD_REQUEST', 'the connection ended within the request body'));
        return;
      }
      // The client may have closed only its sending side and still wait for the answer. If it is gone for good, probing tells:
      // the kernel's, and for a held stream one byte, the leading zero of a coming chunk's size (RFC 9112 §7.1).
      if (this.#writer !== null) this.#writer.keepAlive = false;
      this.#socket.setKeepAlive(true, 1000);
      if (this.#writer?.chunking) this.#socket.write('0', 'latin1');
    }
  }

  // ---- the answer (Requester)

  onResponse(head: ResponseHead): void {
    if (this.#writer === null) return;
    this.#writer.head(head);
    this.#server.flushLater(this);
  }

  /** Writes a head whose body has not begun by the end of the turn. */
  flush(): void {
    this.#writer?.flush();
  }

  onResponseData(chunk: Buffer, more: boolean): void {
    const writer = this.#writer;
    if (writer === null) return;
    // The rest of the request will not be read.
    if (!more && this.#body !== null) writer.keepAlive = false;
    let flowing: boolean;
    try {
      flowing = writer.data(chunk, more);
    } catch (error) {
      this.#fail(toExchangeError(error));
      return;
    }
    this.#afterWrite(chunk.length, flowing, more);
    if (!more) this.#endExchange();
  }

  onResponsePayload(payload: Payload): void {
    const writer = this.#writer;
    if (writer === null) return;
    this.#afterWrite(payload.body.length, writer.payload(payload), true);
  }

  onResponseError(error: ExchangeError): void {
    if (this.#writer !== null) this.#fail(error);
  }

  onRequestCredit(bytes: number): void {
    if (this.#writer === null) return;
    this.#requestCredit += bytes;
    if (this.#awaitsContinue && this.#requestCredit > 0) {
      this.#awaitsContinue = false;
      // RFC 9110 §10.1.1: no 100 once the final answer has begun.
      if (!this.#writer.answered) this.#socket.write(CONTINUE, 'latin1');
    }
    this.#consumeUnread();
  }

  handOver(responder: Responder): void {
    if (this.#writer !== null) this.#responder = responder;
  }

  #afterWrite(bytes: number, flowing: boolean, more: boolean): void {
    if (flowing) {
      if (more && bytes > 0) this.#responder?.onResponseCredit(bytes);
      return;
    }
    this.#owedCredit += bytes;
    this.#blocked = true;
    this.#setDeadline(this.#server.limits.writeTimeout);
  }

  /** The socket has taken all that was written. */
  onDrain(): void {
    if (!this.#blocked) return;
    this.#blocked = false;
    if (this.#state === EXCHANGE) {
      if (this.#body === null) this.#deadline = NEVER;
      else this.#setBodyDeadline();
      const credit = this.#owedCredit;
      this.#owedCredit = 0;
      if (credit > 0) this.#responder?.onResponseCredit(credit);
    } else if (this.#state === IDLE) {
      this.#setDeadline(this.#server.limits.idleTimeout);
    } else if (this.#state === LINGER) {
      this.#setDeadline(LINGER_MS / 1000);
    }
    this.#consumeUnread();
  }

  /** The response is complete: on to the next request, or to the end of the connection. */
  #endExchange(): void {
    const keepAlive = (this.#writer as ResponseWriter).keepAlive && this.#body === null;
    this.#forgetExchange();
    if (!keepAlive || this.#server.draining) {
      this.#close();
      return;
    }
    this.#state = IDLE;
    if (!this.#blocked) this.#setDeadline(this.#server.limits.idleTimeout);
    if (this.#consuming) return;
    if (this.#unread !== null) this.#consumeUnread();
    else if (this.#inputEnded) this.#close();
  }

  #forgetExchange(): void {
    this.#responder = null;
    this.#writer = null;
    this.#body = null;
    this.#awaitsContinue = false;
    this.#owedCredit = 0;
  }

  // ---- failures

  /** The request itself is at fault: the responder, if any, hears of it, and the connection ends with the answer. */
  #refuse(error: ExchangeError): void {
    const { counters, log } = this.#server;
    counters.requestsRefused++;
    log[error.face.level](
      { id: this.#id, peer: this.#peer.address, code: error.code, detail: error.detail },
      'request refused',
    );
    const responder = this.#responder;
    this.#responder = null;
    responder?.onRequestError(error);
    const writer = this.#writer ?? new ResponseWriter(this.#socket, 'GET', 1, false);
    this.#writer = writer;
    writer.keepAlive = false;
    this.#fail(error);
  }

  /** Tells the client of `error` if its answer has not begun; otherwise cuts the answer off, so that it can't be taken for whole. */
  #fail(error: ExchangeError): void {
    const writer = this.#writer as ResponseWriter;
    if (error.code === 'HF_INTERNAL') this.#server.log.error({ id: this.#id, detail: error.detail }, 'internal error');
    if (writer.started) {
      // The end of the connection would look like the end of the body.
      if (writer.endsWithConnection && this.#peer.address !== '') this.#socket.resetAndDestroy();
      else this.#socket.destroy();
      this.#state = LINGER;
      this.#forgetExchange();
      return;
    }
    writer.dropHead();
    const { head, body } = this.#server.describeError(error);
    writer.head(head);
    this.#afterWrite(body.length, writer.data(body, false), false);
    this.#endExchange();
  }

  // ---- time

  override onTimer(): void {
    const { wheel } = this.#server;
    this.#timerAt = NEVER;
    const left = this.#deadline - wheel.now;
    if (left > 0) {
      if (left !== NEVER) this.#startTimer();
      return;
    }
    this.#deadline = NEVER;
    if (this.#state === LINGER) this.#socket.destroy();
    else if (this.#blocked) this.#cutStalled();
    else if (this.#state === IDLE) this.#close();
    else if (this.#state === HEAD)
      this.#refuse(new ExchangeError('HF_REQUEST_TIMEOUT', 'the request header took too long'));
    // Without credit it is not the client that is late.
    else if (this.#requestCredit === 0) this.#setBodyDeadline();
    else this.#refuse(new ExchangeError('HF_REQUEST_TIMEOUT', 'the request body took too long'));
  }

  /** The client has taken nothing for too long: there is no telling it. */
  #cutStalled(): void {
    const { counters, log, limits } = this.#server;
    const error = new ExchangeError('HF_CLIENT_STALLED', `took nothing for ${limits.writeTimeout} s`);
    counters.clientsStalled++;
    log[error.face.level](
      { id: this.#id, peer: this.#peer.address, code: error.code, detail: error.detail },
      'client cut off',
    );
    const responder = this.#responder;
    this.#forgetExchange();
    this.#socket.destroy();
    responder?.onRequestError(error);
  }

  /** Lets the timer find something to do in `seconds`. It is not moved when it fires earlier anyway. */
  #setDeadline(seconds: number): void {
    this.#deadline = this.#server.wheel.now + seconds * 1000;
    if (this.#deadline < this.#timerAt) this.#startTimer();
  }

  #startTimer(): void {
    const { wheel } = this.#server;
    this.#timerAt = this.#deadline;
    wheel.schedule(this, this.#deadline - wheel.now);
  }

  #setBodyDeadline(): void {
    if (this.#blocked) return;
    const { limits, wheel } = this.#server;
    this.#setDeadline(Math.min(limits.bodyTimeout, Math.max(0, this.#requestDeadline - wheel.now) / 1000));
  }

  // ---- the end

  /** No more requests on this connection: whoever is between requests leaves now, others after their answer. */
  drain(): void {
    if (this.#state === IDLE) this.#close();
    else if (this.#writer !== null) this.#writer.keepAlive = false;
  }

  /** Answers a connection that is one too many. */
  turnAway(error: ExchangeError): void {
    this.#writer = new ResponseWriter(this.#socket, 'GET', 1, false);
    this.#fail(error);
  }

  /** Sends FIN behind the last answer, and waits a moment for the client to do the same (RFC 9112 §9.6). */
  #close(): void {
    if (this.#state >= LINGER) return;
    this.#state = LINGER;
    this.#unread = null;
    this.#reader = null;
    this.#socket.end();
    this.#socket.resume();
    this.#setDeadline(this.#blocked ? this.#server.limits.writeTimeout : LINGER_MS / 1000);
  }

  /** Ends it without a word. */
  cut(): void {
    this.#socket.destroy();
  }

  /** The socket is closed, for whatever reason. */
  onClosed(): void {
    const { counters, wheel } = this.#server;
    const responder = this.#responder;
    const aborted = this.#state === EXCHANGE && this.#writer !== null;
    this.#state = CLOSED;
    this.#unread = null;
    this.#reader = null;
    wheel.cancel(this);
    this.#forgetExchange();
    if (!aborted) return;
    counters.requestsAborted++;
    responder?.onRequestError(new ExchangeError('HF_CLIENT_GONE'));
  }
}
