import type { Socket } from 'node:net';
import { type BodyReader, bodyReader, type Http1RequestHead, RequestHeadReader } from '../codec/http1/index.ts';
import {
  ExchangeError,
  type Payload,
  type Peer,
  type Requester,
  type Responder,
  type ResponseHead,
} from '../exchange/index.ts';
import { DeadlineTimer } from '../net/index.ts';
import type { ConnectionHost } from './connection-host.ts';
import { LINGER, PROBE_INTERVAL } from './options.ts';
import { ResponseWriter } from './response-writer.ts';
import { toExchangeError } from './to-exchange-error.ts';
import { toRequestHead } from './to-request-head.ts';

/** Between requests. */
const IDLE = 0;
/** Part of a request head is here. */
const HEAD = 1;
/** A service has the request. */
const EXCHANGE = 2;
/** The last answer is out; input is thrown away until the client has closed too. */
const LINGERING = 3;
const CLOSED = 4;

const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';
const EMPTY = Buffer.alloc(0);
const NEVER = Number.POSITIVE_INFINITY;

/**
 * One client connection speaking HTTP/1 (RFC 9112): reads requests one at a time, gives each to the service as an exchange, and is the
 * `Requester` that takes the answer. An idle one is this object and its socket: no buffers, no timer of its own.
 */
export class Http1Connection extends DeadlineTimer implements Requester {
  readonly #socket: Socket;
  readonly #server: ConnectionHost;
  readonly #number: number;
  readonly #peer: Peer;
  #exchanges = 0;
  #state = IDLE;
  /** When the whole request has to be here. */
  #requestDeadline = NEVER;
  #reader: RequestHeadReader | null = null;
  /** Input that could not be taken yet: body without credit, or the next request. */
  #unread: Buffer | null = null;
  #consuming = false;
  /** Reading is suspended, because too much is unread. */
  #paused = false;
  /** The client has sent FIN: no more input, but it may still be reading. */
  #inputEnded = false;
  /** Not null while bytes of the request body are to come. */
  #body: BodyReader | null = null;
  #requestCredit = 0;
  #awaitsContinue = false;
  #responder: Responder | null = null;
  #writer: ResponseWriter | null = null;
  /** The socket wants its writer to wait. */
  #blocked = false;
  /** Bytes of response body that wait in the socket: credit for them comes back when it has drained. */
  #owedCredit = 0;

  constructor(socket: Socket, server: ConnectionHost, number: number) {
    super(server.wheel);
    this.#socket = socket;
    this.#server = server;
    this.#number = number;
    this.#peer = { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 };
    this.#watch();
  }

  /** Names the connection and the exchange on it. */
  get #id(): string {
    return `${this.#number}-${this.#exchanges}`;
  }

  // ---- input

  /** Bytes of the client. */
  onInput(chunk: Buffer): void {
    if (this.#state >= LINGERING) return;
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
    if (this.#unread !== null || !this.#paused) return;
    this.#paused = false;
    this.#socket.resume();
  }

  #consume(input: Buffer): void {
    this.#consuming = true;
    let offset = 0;
    try {
      while (offset < input.length && this.#state < LINGERING) {
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
    } catch (thrown) {
      const error = toExchangeError(thrown);
      if (error.code === 'HF_INTERNAL') this.#crash(error);
      else this.#refuse(error);
    }
    this.#consuming = false;
    if (this.#state >= LINGERING) return;
    if (offset < input.length) this.#keep(input.subarray(offset));
    else if (this.#inputEnded) this.#checkEnd();
  }

  #keep(input: Buffer): void {
    this.#unread = input;
    // Reading goes on for a while, to notice a client that leaves.
    if (this.#paused || input.length < this.#server.limits.pipelineBytes) return;
    this.#paused = true;
    this.#socket.pause();
    this.#watch();
  }

  #readHead(input: Buffer, offset: number): number {
    const { limits, wheel } = this.#server;
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
        this.setDeadline(Math.min(limits.headerTimeout, this.#requestTimeLeft));
      }
      return reader.offset;
    }
    this.#reader = null;
    this.#begin(head, reader.offset < input.length);
    return reader.offset;
  }

  /** @param bodyHere whether the body has begun to arrive with the head */
  #begin(head: Http1RequestHead, bodyHere: boolean): void {
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
    } else {
      this.#body = bodyReader(head.bodyLength, server.limits);
      this.#awaitsContinue = head.expectContinue && !bodyHere;
    }
    this.#watch();
    const responder = server.service(toRequestHead(head, this.#id, this.#peer), this);
    // The service may have answered already, or handed over to another responder.
    if (this.#writer === writer && this.#responder === null) this.#responder = responder;
  }

  #readBody(body: BodyReader, input: Buffer, offset: number): number {
    if (this.#responder === null) return offset;
    const end = body.read(input, offset, this.#requestCredit);
    const { data, done } = body;
    if (done) this.#body = null;
    if (data !== null) this.#requestCredit -= data.length;
    if (end > offset) this.#watch();
    if (data !== null || done) this.#responder.onRequestData(data ?? EMPTY, !done);
    return end;
  }

  /** The client sends no more (FIN). */
  onInputEnd(): void {
    this.#inputEnded = true;
    if (this.#unread === null) this.#checkEnd();
    else if (this.#state === EXCHANGE) this.#probe();
  }

  /** All input has been read, and no more will come. */
  #checkEnd(): void {
    if (this.#state === IDLE) {
      this.#close();
    } else if (this.#state === HEAD) {
      this.#refuse(new ExchangeError('HF_BAD_REQUEST', 'the connection ended within the request header'));
    } else if (this.#body !== null) {
      this.#refuse(new ExchangeError('HF_BAD_REQUEST', 'the connection ended within the request body'));
    } else if (this.#writer !== null) {
      // The client may have closed only its sending side, and still wait for the answer.
      this.#writer.keepAlive = false;
      this.#probe();
    }
  }

  /**
   * Nothing is read from the client at present, so no read tells that it is gone for good: asks the kernel, which finds out by
   * probes of its own, and refuses a write, even an empty one, when it has.
   */
  #probe(): void {
    this.#socket.setKeepAlive(true, 1_000);
    this.#writer?.probe();
    this.#watch();
  }

  // ---- the answer (Requester)

  onResponse(head: ResponseHead): void {
    if (this.#writer === null) return;
    this.#writer.head(head);
    this.#server.flushLater(this);
  }

  /** Writes a head whose body has not begun by the end of the turn. */
  flush(): void {
    try {
      this.#writer?.flush();
    } catch (error) {
      this.#crash(toExchangeError(error));
    }
  }

  onResponseData(chunk: Buffer, more: boolean): void {
    this.#send(chunk, null, more);
  }

  onResponsePayload(payload: Payload): void {
    this.#send(payload.body, payload, true);
  }

  /** @param payload what `chunk` is the body of, if many share it */
  #send(chunk: Buffer, payload: Payload | null, more: boolean): void {
    const writer = this.#writer;
    if (writer === null) return;
    // RFC 9112 §9.6: what is left of the request would have to be read first, and is not wanted any more.
    if (!more && this.#body !== null) writer.keepAlive = false;
    let flowing: boolean;
    try {
      flowing = payload === null ? writer.data(chunk, more) : writer.payload(payload);
    } catch (error) {
      this.#crash(toExchangeError(error));
      return;
    }
    this.#afterWrite(chunk.length, flowing, more);
    if (!more) this.#endExchange();
  }

  onResponseError(error: ExchangeError): void {
    if (this.#writer !== null) this.#fail(error);
  }

  onRequestCredit(bytes: number): void {
    if (this.#writer === null || this.#body === null) return;
    const waited = this.#requestCredit === 0;
    this.#requestCredit += bytes;
    if (this.#awaitsContinue) {
      this.#awaitsContinue = false;
      // RFC 9110 §10.1.1: no 100 once the final answer has begun, or when the client sends the body anyway.
      if (!this.#writer.answered && this.#unread === null) this.#socket.write(CONTINUE, 'latin1');
    }
    if (waited) this.#watch();
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
    // Further writes do not move the deadline: the client has taken nothing since the first one that had to wait.
    if (this.#blocked) return;
    this.#blocked = true;
    this.setDeadline(this.#server.limits.writeTimeout);
  }

  /** The socket has taken all that was written. */
  onDrain(): void {
    if (!this.#blocked) return;
    this.#blocked = false;
    this.#watch();
    const credit = this.#owedCredit;
    this.#owedCredit = 0;
    if (credit > 0) this.#responder?.onResponseCredit(credit);
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
    this.#watch();
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

  /** A service or a responder has thrown, or wants to send what would be no well-formed answer. */
  #crash(error: ExchangeError): void {
    this.#server.log.error({ id: this.#id, code: error.code, detail: error.detail }, 'internal error');
    const responder = this.#responder;
    if (this.#writer === null) {
      // The answer is complete: a second one would be taken for that to the next request.
      this.#close();
      return;
    }
    this.#writer.keepAlive = false;
    this.#fail(error);
    responder?.onRequestError(error);
  }

  /** Tells the client of `error` if its answer has not begun; otherwise cuts the answer off, so that it can't be taken for whole. */
  #fail(error: ExchangeError): void {
    const writer = this.#writer as ResponseWriter;
    if (writer.started) {
      this.cut();
      this.#state = LINGERING;
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

  protected override onDeadline(): void {
    if (this.#state === LINGERING) {
      if (this.#socket.writableLength > 0) this.#cutStalled();
      else this.#socket.destroy();
    } else if (this.#blocked) {
      this.#cutStalled();
    } else if (this.#state === IDLE) {
      this.#close();
    } else if (this.#state === HEAD) {
      this.#refuse(new ExchangeError('HF_REQUEST_TIMEOUT', 'the request header took too long'));
    } else if (this.#bodyIsDue) {
      this.#refuse(new ExchangeError('HF_REQUEST_TIMEOUT', 'the request body took too long'));
    } else {
      this.#probe();
    }
  }

  /** Whether it is the client's turn in an exchange: part of its body is wanted. Without credit it is not the client that is late. */
  get #bodyIsDue(): boolean {
    return this.#body !== null && this.#requestCredit > 0;
  }

  /** Seconds until the whole request has to be here. */
  get #requestTimeLeft(): number {
    return Math.max(0, this.#requestDeadline - this.#server.wheel.now) / 1_000;
  }

  /** Sets the deadline for what is waited for now, between two requests and in an exchange. */
  #watch(): void {
    const { limits } = this.#server;
    if (this.#blocked) return;
    if (this.#state === IDLE) this.setDeadline(limits.idleTimeout);
    else if (this.#state !== EXCHANGE) return;
    else if (this.#bodyIsDue) this.setDeadline(Math.min(limits.bodyTimeout, this.#requestTimeLeft));
    else if (this.#paused || this.#inputEnded) this.setDeadline(PROBE_INTERVAL);
    else this.clearDeadline();
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
    this.cut();
    this.#forgetExchange();
    responder?.onRequestError(error);
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
    if (this.#state >= LINGERING) return;
    this.#state = LINGERING;
    this.#unread = null;
    this.#reader = null;
    this.#socket.end();
    this.#socket.resume();
    // What of the answer is still here has the time of any other write.
    this.setDeadline(this.#socket.writableLength > 0 ? this.#server.limits.writeTimeout : LINGER);
  }

  /** Ends it without a word, so that an answer of which a part is missing cannot be taken for whole. */
  cut(): void {
    const socket = this.#socket;
    const misleading = this.#writer?.endsWithConnection ?? (this.#state === LINGERING && socket.writableLength > 0);
    // Where the end of the connection would look like the end of the body there has to be a reset; unix sockets know none.
    if (misleading && this.#peer.address !== '') socket.resetAndDestroy();
    else socket.destroy();
  }

  /** The socket is closed, for whatever reason. */
  onClosed(): void {
    const { counters } = this.#server;
    const responder = this.#responder;
    const aborted = this.#state === EXCHANGE && this.#writer !== null;
    this.#state = CLOSED;
    this.#unread = null;
    this.#reader = null;
    this.stopTimer();
    this.#forgetExchange();
    if (!aborted) return;
    counters.requestsAborted++;
    responder?.onRequestError(new ExchangeError('HF_CLIENT_GONE'));
  }
}
