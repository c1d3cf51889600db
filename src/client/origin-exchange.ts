import type { AtTurnEnd, TurnQueue } from '../clock/index.ts';
import { fieldValue } from '../codec/fields/index.ts';
import { Http1Error, type Http1Limits, isIdempotent } from '../codec/http1/index.ts';
import {
  type ErrorCode,
  ExchangeError,
  type Log,
  type OriginCounters,
  type Requester,
  type RequestHead,
  type Responder,
  reportFault,
} from '../exchange/index.ts';
import type { DialError } from '../net/index.ts';
import type { ConnectionPool } from './connection-pool.ts';
import { DIAL_CODES } from './dial-codes.ts';
import type { Origin } from './origin.ts';
import type { ConnectionUser, OriginConnection } from './origin-connection.ts';
import { RequestSender } from './request-sender.ts';
import { requestText } from './request-text.ts';
import { ResponseReceiver } from './response-receiver.ts';
import { isTlsError, lossReason, socketReason, truncation } from './socket-reason.ts';

/** Settings that all exchanges of one client share. Times in milliseconds, 0 for no limit. */
export interface ExchangeContext {
  readonly pool: ConnectionPool;
  readonly turn: TurnQueue;
  readonly counters: OriginCounters;
  readonly log: Log;
  readonly http1Limits: Http1Limits;
  readonly connectTimeout: number;
  readonly responseTimeout: number;
  readonly bodyTimeout: number;
}

/** Milliseconds since its last use within which a connection may carry a request that cannot be repeated. */
const FRESH = 1_000;

/** One request on its way to an origin and the response on its way back. */
export class OriginExchange implements Responder, ConnectionUser, AtTurnEnd {
  readonly #context: ExchangeContext;
  readonly #origin: Origin;
  readonly #request: RequestHead;
  readonly #requester: Requester;
  readonly #response: ResponseReceiver;
  #sender: RequestSender | null = null;
  /** Null before the start, after the end, and once it has ended while input still waits for credits. */
  #connection: OriginConnection | null = null;
  /** How the connection ended while input still waits for credits. */
  #lostBy: Error | null = null;
  #over = false;

  constructor(context: ExchangeContext, origin: Origin, request: RequestHead, requester: Requester) {
    this.#context = context;
    this.#origin = origin;
    this.#request = request;
    this.#requester = requester;
    this.#response = new ResponseReceiver(requester, request.method, request.credits, context.http1Limits);
  }

  /** Sends the request on an idle connection or a new one. */
  start(): void {
    const { counters, pool } = this.#context;
    const { method, bodyLength } = this.#request;
    counters.originRequests++;
    try {
      this.#sender = new RequestSender(this.#requester, requestText(this.#request), bodyLength);
    } catch (error) {
      if (!(error instanceof Http1Error)) throw error;
      this.#fail('HF_INTERNAL', `request cannot be sent: ${error.message}`);
      return;
    }
    // An origin may close an idle connection at any moment (RFC 9112 §9.5). A request without a response by then is sent again only if that
    // is safe. Other requests go on a connection that was in use just now, or a new one: hardly any origin closes that soon.
    const repeatable = bodyLength === 0 && isIdempotent(method);
    const connection = pool.take(this.#origin, repeatable ? Number.POSITIVE_INFINITY : FRESH, this);
    if (connection === null) {
      this.#connect();
    } else {
      this.#connection = connection;
      this.onConnected(connection);
    }
  }

  onRequestData(chunk: Buffer, more: boolean): void {
    // The connection may have ended while its last input waits for credits: then the origin takes no more.
    if (this.#over || this.#connection === null) return;
    const sender = this.#sender as RequestSender;
    const { blocked } = sender;
    try {
      sender.take(chunk, more);
    } catch (error) {
      if (!(error instanceof ExchangeError)) throw error;
      this.#fail(error.code, error.detail);
      return;
    }
    // Only a change of who owes something moves the deadline.
    if (sender.blocked !== blocked || sender.complete) this.#watch();
  }

  onRequestError(_error: ExchangeError): void {
    if (this.#over) return;
    this.#response.stop();
    this.#leave((this.#sender as RequestSender).untouched);
  }

  onResponseCredit(bytes: number): void {
    if (this.#over) return;
    const response = this.#response;
    const starved = response.credits === 0;
    response.credits += bytes;
    this.#connection?.readFor(response.credits);
    if (response.resumable) this.#advance(null, true);
    else if (starved) this.#watch();
  }

  onConnected(connection: OriginConnection): void {
    const sender = this.#sender as RequestSender;
    connection.readFor(this.#response.credits);
    sender.start(connection);
    if (sender.untouched) this.#context.turn.add(this);
    this.#watch();
  }

  /**
   * Sends the head, unless it has left with the first bytes of its body. The requests of a turn leave one right after the other: an origin that
   * wakes up for the first one finds the others there, and waking it for each costs as much as the write.
   */
  onTurnEnd(): void {
    const sender = this.#sender as RequestSender;
    if (!sender.untouched) return;
    sender.flushHead();
    if (sender.blocked) this.#watch();
  }

  onDialFailed(_connection: OriginConnection, error: DialError): void {
    this.#fail(DIAL_CODES[error.kind], error.message);
  }

  onInput(_connection: OriginConnection, input: Buffer, owned: boolean): void {
    this.#advance(input, owned);
  }

  onDrain(): void {
    (this.#sender as RequestSender).drained();
    this.#watch();
  }

  onDeadline(connection: OriginConnection): void {
    const sender = this.#sender as RequestSender;
    if (!connection.connected) this.#fail('HF_ORIGIN_CONNECT_TIMEOUT', 'connecting timed out');
    else if (sender.blocked) this.#fail('HF_ORIGIN_TIMEOUT', 'origin stopped reading the request');
    else if (this.#response.head === null) this.#fail('HF_ORIGIN_TIMEOUT', 'response head timed out');
    else this.#fail('HF_ORIGIN_TIMEOUT', 'response body stalled');
  }

  onLost(connection: OriginConnection, error: Error | null): void {
    const response = this.#response;
    const sender = this.#sender as RequestSender;
    this.#connection = null;
    sender.stop();
    this.#context.pool.discard(connection);
    if (response.waiting) {
      // Data that has arrived is passed on first; it may be the rest of the body.
      this.#lostBy = error;
    } else if (response.head !== null) {
      this.#breakOff(error);
    } else if (connection.reused && !response.started && !sender.bodyTaken && isIdempotent(this.#request.method)) {
      this.#retry();
    } else if (error !== null && isTlsError(error) && !response.started) {
      // RFC 8446 §4.4.2.4: a server that rejects our certificate says so after we consider the handshake done.
      this.#fail('HF_ORIGIN_TLS', socketReason(error));
    } else {
      this.#fail(
        'HF_ORIGIN_CLOSED',
        `${lossReason(error)} ${response.started ? 'in the head of' : 'before'} the response`,
      );
    }
  }

  /**
   * The connection was probably stale before the request arrived, and repeating the request does no harm (RFC 9112 §9.3.1). The new connection
   * is not a reused one, so this happens once.
   */
  #retry(): void {
    const { counters, log } = this.#context;
    counters.originRetries++;
    if (log.debugEnabled) {
      log.debug(
        { id: this.#request.id, origin: this.#origin.name },
        'origin closed an idle connection: request sent again',
      );
    }
    this.#connect();
  }

  #connect(): void {
    const { pool, connectTimeout } = this.#context;
    this.#connection = pool.open(this.#origin, this);
    this.#connection.expireIn(connectTimeout);
  }

  /** Passes on the response: `input` that has arrived or, if null, input that waited for credits. */
  #advance(input: Buffer | null, owned: boolean): void {
    const response = this.#response;
    const connection = this.#connection;
    try {
      if (input === null) response.resume();
      else response.take(input, (connection as OriginConnection).heads, owned);
    } catch (error) {
      if (!(error instanceof Http1Error)) throw error;
      this.#fail('HF_ORIGIN_PROTOCOL', error.message);
      return;
    }
    // The requester may have left meanwhile.
    if (this.#over) return;
    if (response.done) {
      this.#finish();
    } else if (connection === null) {
      if (!response.waiting) this.#breakOff(this.#lostBy);
    } else {
      if (response.waiting) connection.pause();
      else connection.resume();
      // A head that trickles in does not move the deadline.
      if (response.head !== null) this.#watch();
    }
  }

  /** The connection ended after the head, and everything that arrived has been passed on. */
  #breakOff(error: Error | null): void {
    const fault = truncation(this.#response, error);
    if (fault === null) this.#finish();
    else this.#fail('HF_ORIGIN_TRUNCATED', fault);
  }

  /** The response is complete. */
  #finish(): void {
    const { log } = this.#context;
    const response = this.#response;
    if (response.surplus && log.debugEnabled) {
      log.debug(
        { id: this.#request.id, origin: this.#origin.name },
        'origin sent bytes after its response: connection closed',
      );
    }
    // RFC 9112 §9.2: bytes that belong to no response end the connection. So does a partly sent request: its rest would be taken for the next
    // request.
    const reusable = (this.#sender as RequestSender).done && response.head?.keepAlive === true && !response.surplus;
    this.#leave(reusable);
    this.#requester.onResponseData(response.last, false);
  }

  onFault(thrown: unknown): void {
    this.onConnectionFault(null, thrown);
  }

  /** An exception, of this object or of the requester within a call, ends only this exchange. */
  onConnectionFault(_connection: OriginConnection | null, thrown: unknown): void {
    const error = reportFault(this.#context, thrown, { origin: this.#origin.name });
    if (this.#over) return;
    this.#response.stop();
    this.#leave(false);
    this.#requester.onResponseError(error);
  }

  #fail(code: ErrorCode, reason: string): void {
    const error = new ExchangeError(code, `${this.#origin.name}: ${reason}`);
    if (error.face.cause === 'origin') this.#context.counters.originErrors++;
    this.#response.stop();
    this.#leave(false);
    this.#requester.onResponseError(error);
  }

  /** Ends the exchange and releases the connection. */
  #leave(reusable: boolean): void {
    const { pool } = this.#context;
    const connection = this.#connection;
    this.#over = true;
    this.#connection = null;
    this.#sender?.stop();
    if (connection === null) return;
    if (reusable) pool.put(connection, this.#keepAliveTime());
    else pool.discard(connection);
  }

  /** Milliseconds that the origin promises to keep the connection open in its Keep-Alive field (RFC 2068 §19.7.1.1). */
  #keepAliveTime(): number {
    const head = this.#response.head;
    const value = head === null ? undefined : fieldValue(head.headers, 'keep-alive');
    if (value === undefined) return Number.POSITIVE_INFINITY;
    const start = value.indexOf('timeout=');
    const seconds = start < 0 ? Number.NaN : Number.parseInt(value.slice(start + 8), 10);
    // One second less: the response took some time to arrive, and so will the next request.
    return Number.isNaN(seconds) ? Number.POSITIVE_INFINITY : (seconds - 1) * 1_000;
  }

  /** Sets the deadline for the origin's next step. There is none while the requester has to act. */
  #watch(): void {
    const connection = this.#connection;
    if (connection === null || !connection.connected) return;
    const { responseTimeout, bodyTimeout } = this.#context;
    const response = this.#response;
    const { blocked, complete } = this.#sender as RequestSender;
    if (response.head !== null && response.credits === 0) connection.expireIn(0);
    else if (blocked) connection.expireIn(bodyTimeout);
    else if (!complete) connection.expireIn(0);
    else connection.expireIn(response.head === null ? responseTimeout : bodyTimeout);
  }
}
