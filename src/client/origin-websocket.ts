import { randomBytes } from 'node:crypto';
import { fieldValue, fieldValues } from '../codec/fields/index.ts';
import { Http1Error, type Http1ResponseHead } from '../codec/http1/index.ts';
import {
  DEFAULT_DEFLATE,
  HandshakeError,
  type HandshakeOffer,
  type HandshakeResponse,
  parseSubprotocols,
  readHandshakeResponse,
} from '../codec/websocket/index.ts';
import {
  type ErrorCode,
  ExchangeError,
  reportFault,
  type WebSocketRequester,
  type WebSocketResponder,
} from '../exchange/index.ts';
import type { DialError } from '../net/index.ts';
import { DIAL_CODES } from './dial-codes.ts';
import type { ConnectionUser, OriginConnection } from './origin-connection.ts';
import { MAX_INTERIM, ResponseReceiver } from './response-receiver.ts';
import { isTlsError, lossReason, socketReason, truncation } from './socket-reason.ts';
import { WebSocketLink } from './websocket-link.ts';
import type { WebSocketHop } from './websocket-opener.ts';
import type { WebSocketContext } from './websocket-options.ts';
import { handshakeText, passedExtensions, responseFields } from './websocket-request.ts';
import { WebSocketStream } from './websocket-stream.ts';

const EMPTY = Buffer.alloc(0);

/**
 * One WebSocket, starting with its opening handshake, which redirects may repeat at further hops. One of two phases follows: a
 * `WebSocketStream` once an origin has accepted, or the response body of an origin that refuses.
 */
export class OriginWebSocket implements WebSocketResponder, ConnectionUser {
  readonly #context: WebSocketContext;
  readonly #requester: WebSocketRequester;
  /** Null once no longer needed. */
  #hop: WebSocketHop | null;
  /** Name of the current origin. */
  #name = '';
  #offer: HandshakeOffer | null = null;
  /** Text of the request to the current hop. */
  #text = '';
  /** Null before the start and after the end, and once a stream has it. */
  #link: WebSocketLink | null = null;
  /** Something has arrived from the current hop. */
  #started = false;
  #interims = 0;
  /** Bytes that the requester accepts, until the phase that counts them itself. */
  #credits: number;
  #stream: WebSocketStream | null = null;
  #refusal: ResponseReceiver | null = null;
  /** Why the connection ended while its data still waits for credits; null: in order. */
  #lostBy: Error | null = null;
  #over = false;

  constructor(context: WebSocketContext, hop: WebSocketHop, credits: number, requester: WebSocketRequester) {
    this.#context = context;
    this.#hop = hop;
    this.#credits = credits;
    this.#requester = requester;
  }

  /** Requests the current hop. */
  start(): void {
    const { counters, dialler, wheel, limits, http1Limits, compression } = this.#context;
    const hop = this.#hop as WebSocketHop;
    const { origin, headers } = hop;
    this.#name = origin.name;
    counters.originRequests++;
    this.#started = false;
    this.#interims = 0;
    try {
      this.#offer = {
        key: randomBytes(16).toString('base64'),
        protocols: parseSubprotocols(fieldValues(headers, 'sec-websocket-protocol')),
        deflate: compression ? DEFAULT_DEFLATE : null,
        extensions: passedExtensions(headers),
      };
      this.#text = handshakeText(hop, this.#offer);
    } catch (error) {
      if (!(error instanceof HandshakeError) && !(error instanceof Http1Error)) throw error;
      this.#fail('HF_FETCH_INVALID', error.message);
      return;
    }
    this.#link = new WebSocketLink(origin, this, dialler, wheel, http1Limits);
    this.#link.expireIn(limits.connectTimeout * 1_000);
  }

  // ---- from the requester

  /** The request of a WebSocket has no body. */
  onRequestData(): void {}

  onRequestMessage(chunk: Buffer, text: boolean, more: boolean): void {
    if (this.#stream !== null) this.#stream.message(chunk, text, more);
    else this.#refuseEarly('message');
  }

  onRequestPing(data: Buffer): void {
    if (this.#stream !== null) this.#stream.ping(data);
    else this.#refuseEarly('ping');
  }

  onRequestPong(data: Buffer): void {
    if (this.#stream !== null) this.#stream.pong(data);
    else this.#refuseEarly('pong');
  }

  onRequestClose(code: number, reason: string): void {
    if (this.#stream !== null) this.#stream.close(code, reason);
    else this.#refuseEarly('close');
  }

  #refuseEarly(what: string): void {
    this.#fail('HF_FETCH_INVALID', `${what} before the WebSocket is open`);
  }

  onResponseCredit(bytes: number): void {
    const refusal = this.#refusal;
    if (this.#stream !== null) {
      this.#stream.grant(bytes);
    } else if (refusal !== null) {
      refusal.credits += bytes;
      if (!this.#over && !refusal.reading) this.#advance(null);
    } else {
      this.#credits += bytes;
    }
  }

  onRequestError(_error: ExchangeError): void {
    if (this.#stream !== null) this.#stream.leave();
    else this.#end();
  }

  // ---- from the origin

  onConnected(connection: OriginConnection): void {
    connection.write(this.#text);
    connection.expireIn(this.#context.limits.responseTimeout * 1_000);
  }

  onDialFailed(_connection: OriginConnection, error: DialError): void {
    this.#fail(DIAL_CODES[error.kind], error.message);
  }

  onInput(connection: OriginConnection, input: Buffer): void {
    this.#started = true;
    if (this.#refusal !== null) this.#advance(input);
    else this.#readHead(connection, input);
  }

  onDrain(): void {}

  onDeadline(connection: OriginConnection): void {
    if (!connection.connected) this.#fail('HF_ORIGIN_CONNECT_TIMEOUT', 'connecting timed out');
    else if (this.#refusal === null) this.#fail('HF_ORIGIN_TIMEOUT', 'response head timed out');
    else this.#fail('HF_ORIGIN_TIMEOUT', 'response body stalled');
  }

  onLost(_connection: OriginConnection, error: Error | null): void {
    this.#link = null;
    if (this.#refusal !== null) {
      this.#lostBy = error;
      // Data that has arrived is passed on first; it may be the rest of the body.
      if (!this.#refusal.waiting) this.#breakOff();
    } else if (error !== null && isTlsError(error) && !this.#started) {
      // RFC 8446 §4.4.2.4: a server that rejects our certificate says so after we consider the handshake done.
      this.#fail('HF_ORIGIN_TLS', socketReason(error));
    } else {
      this.#fail(
        'HF_ORIGIN_CLOSED',
        `${lossReason(error)} ${this.#started ? 'in the head of' : 'before'} the response`,
      );
    }
  }

  #readHead(connection: OriginConnection, input: Buffer): void {
    const { heads } = connection;
    let head: Http1ResponseHead | null;
    let offset = 0;
    try {
      for (;;) {
        head = heads.read(input, offset, 'GET');
        if (head === null) return;
        offset = heads.offset;
        if (head.status === 101 || head.status >= 200) break;
        // RFC 9110 §15.2: a client must be able to parse interim responses, and may ignore them.
        if (++this.#interims > MAX_INTERIM)
          throw new Http1Error('malformed', `more than ${MAX_INTERIM} interim responses`);
        if (offset >= input.length) return;
      }
    } catch (error) {
      if (!(error instanceof Http1Error)) throw error;
      this.#fail('HF_ORIGIN_PROTOCOL', error.message);
      return;
    }
    const rest = input.subarray(offset);
    if (head.status === 101) this.#open(head, rest);
    else if (!this.#redirected(head)) this.#refuse(head, rest);
  }

  #open(head: Http1ResponseHead, rest: Buffer): void {
    const link = this.#link as WebSocketLink;
    let response: HandshakeResponse;
    try {
      // RFC 9110 §7.8: HTTP/1.0 has no upgrades.
      if (head.version === '1.0') throw new HandshakeError('HTTP/1.0 response');
      response = readHandshakeResponse(head.headers, this.#offer as HandshakeOffer);
    } catch (error) {
      if (!(error instanceof HandshakeError)) throw error;
      this.#fail('HF_ORIGIN_WEBSOCKET', error.message);
      return;
    }
    this.#stream = new WebSocketStream(this.#context, link, this.#requester, response.deflate, this.#credits);
    this.#link = null;
    this.#forget();
    link.user = this.#stream;
    link.expireIn(0);
    const headers = response.deflate === null ? head.headers : responseFields(head.headers, response.extensions);
    this.#stream.start(head.reason, headers, rest);
  }

  /** Follows the redirect; false if the response cannot be followed. */
  #redirected({ status, headers }: Http1ResponseHead): boolean {
    const location = status >= 300 && status < 400 ? fieldValue(headers, 'location') : undefined;
    if (location === undefined) return false;
    let hop: WebSocketHop | null;
    try {
      hop = (this.#hop as WebSocketHop).redirected(status, location);
    } catch (error) {
      if (!(error instanceof ExchangeError)) throw error;
      this.#failWith(error);
      return true;
    }
    if (hop === null) return false;
    this.#link?.destroy();
    this.#hop = hop;
    this.start();
    return true;
  }

  #refuse(head: Http1ResponseHead, rest: Buffer): void {
    this.#refusal = new ResponseReceiver(this.#requester, 'GET', this.#credits, this.#context.http1Limits);
    this.#refusal.passHead(head);
    if (!this.#over) this.#advance(rest);
  }

  // ---- the response of an origin that refuses

  /** Passes on the body: `input` that has arrived or, if null, input that waited for credits. */
  #advance(input: Buffer | null): void {
    const refusal = this.#refusal as ResponseReceiver;
    const link = this.#link;
    try {
      if (input !== null) refusal.takeBody(input, false);
      else if (refusal.waiting) refusal.resume();
    } catch (error) {
      if (!(error instanceof Http1Error)) throw error;
      this.#fail('HF_ORIGIN_PROTOCOL', error.message);
      return;
    }
    // The requester may have left meanwhile.
    if (this.#over) return;
    if (refusal.done) {
      this.#finish();
    } else if (link === null) {
      if (!refusal.waiting) this.#breakOff();
    } else {
      if (refusal.waiting) link.pause();
      else link.resume();
      // There is no deadline while the requester has to act.
      link.expireIn(refusal.credits > 0 ? this.#context.limits.responseTimeout * 1_000 : 0);
    }
  }

  /** The connection has ended, and everything that arrived has been passed on. */
  #breakOff(): void {
    const fault = truncation(this.#refusal as ResponseReceiver, this.#lostBy);
    if (fault === null) this.#finish();
    else this.#fail('HF_ORIGIN_TRUNCATED', fault);
  }

  #finish(): void {
    const last = this.#refusal?.last ?? EMPTY;
    this.#end();
    this.#requester.onResponseData(last, false);
  }

  // ---- the end

  #fail(code: ErrorCode, reason: string): void {
    this.#failWith(new ExchangeError(code, `${this.#name}: ${reason}`));
  }

  #failWith(error: ExchangeError): void {
    if (this.#over) return;
    if (error.face.cause === 'origin') this.#context.counters.originErrors++;
    this.#end();
    this.#requester.onResponseError(error);
  }

  /** An exception, of this object or of the requester within a call, ends only this exchange. */
  onConnectionFault(_connection: OriginConnection, thrown: unknown): void {
    if (this.#stream !== null) {
      this.#stream.onFault(thrown);
      return;
    }
    const error = reportFault(this.#context, thrown, { origin: this.#name });
    if (this.#over) return;
    this.#end();
    this.#requester.onResponseError(error);
  }

  #end(): void {
    this.#over = true;
    this.#refusal?.stop();
    this.#link?.destroy();
    this.#link = null;
    this.#forget();
  }

  /** Frees what the handshake needed: a WebSocket may last long. */
  #forget(): void {
    this.#hop = null;
    this.#offer = null;
    this.#text = '';
  }
}
