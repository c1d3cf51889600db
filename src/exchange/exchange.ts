import type { ErrorCode, ExchangeError } from './errors.ts';
import type { ExchangeRecord } from './exchange-record.ts';
import type { Payload } from './payload.ts';
import type { Peer } from './peer.ts';
import type { RawClient, RawOwner } from './raw-client.ts';
import type { Suspended } from './suspended.ts';

/** `bodyLength` of a body whose length is known only when it ends. */
export const UNKNOWN_LENGTH = -1;

/**
 * Bytes that one side lets the other send before the first are consumed: the window of every hop, and so the bound on what a stalled hop
 * can hold in memory in each direction.
 * @bound exchange-window
 */
export const WINDOW = 65_536;

/**
 * Header fields as one flat list `[name, value, name, value, …]` of latin1 strings: order, case and repeated fields survive,
 * and nothing is parsed again downstream (RFC 9110 §5). `codec/fields` reads them.
 */
export type HeaderList = readonly string[];

/** The head of a request (RFC 9110 §6.2), as the client sent it: nothing is removed, and every consumer applies its own rules. */
export interface RequestHead {
  /** Identifies the client's connection and the exchange on it in logs: `CONNECTION-NUMBER`. */
  readonly id: string;
  readonly method: string;
  /** Path and query in origin-form, or `*` (RFC 9112 §3.2). An absolute-form target has been split already. */
  readonly target: string;
  readonly scheme: 'http' | 'https' | 'ws' | 'wss';
  /** `host[:port]` from the absolute-form target or else the Host field; empty if the request has none (HTTP/1.0). */
  readonly authority: string;
  /** The version of HTTP that the client speaks. */
  readonly version: '1.0' | '1.1' | '2';
  readonly headers: readonly string[];
  /** Bytes of the body: 0 for none, `UNKNOWN_LENGTH` when it is chunked. */
  readonly bodyLength: number;
  readonly peer: Peer;
  /** Bytes of response body that the requester accepts before it grants more. */
  readonly credits: number;
  /**
   * Fields of this request alone, such as its id. Who sends the request on writes them after `headers`, which has none of them: so equal
   * requests have the same list there. Default: none.
   */
  readonly ownFields?: HeaderList;
  /** Value of X-Request-Id, accepted or made here; empty, or absent, where requests have none. */
  readonly requestId?: string;
  /** Takes notes of what becomes of the exchange. Null, or absent: nobody wants to know. */
  readonly record?: ExchangeRecord | null;
}

/** `RequestHead.ownFields` of a request without any. */
export const NO_OWN_FIELDS: HeaderList = [];

/** The head of a final response (RFC 9110 §6.2). */
export interface ResponseHead {
  /** 200 to 999; interim (1xx) responses never get here. */
  readonly status: number;
  readonly reason: string;
  /**
   * The writer of each hop frames the body by `bodyLength` and replaces Content-Length, Transfer-Encoding, Connection and
   * Keep-Alive found here. Content-Length is passed on only for a response that has no body by definition (HEAD, 304).
   */
  readonly headers: HeaderList;
  /** Bytes of the body: 0 for none, `UNKNOWN_LENGTH` when only its end will tell. */
  readonly bodyLength: number;
  /** The failure that this response reports. Absent in those of origins and handlers. */
  readonly error?: ErrorCode;
}

/**
 * The requester of an exchange: takes the response. The calls come in this order: `onResponse` once, then data. The exchange is over after
 * data with `more` false, or after `onResponseError`, which may come at any time.
 */
export interface Requester {
  onResponse(head: ResponseHead): void;
  /** `chunk` is a view that belongs to the receiver from now on. Never more bytes than the credits allow. */
  onResponseData(chunk: Buffer, more: boolean): void;
  /** Like `onResponseData(payload.body, true)`, for bytes that go to many requesters, which share the encodings. */
  onResponsePayload(payload: Payload): void;
  /**
   * Like `onResponseData(whole.subarray(start, end), more)`, for bytes that many requesters may get, each in other parts: they share what they make
   * of `whole`. All parts of it come, in order and with nothing between them. A requester that makes nothing of them lacks this.
   */
  onResponsePart?(whole: Buffer, start: number, end: number, more: boolean): void;
  /**
   * Like `onResponseData(chunk, more)`, for bytes that the caller would like to use again. Returns whether it may, because nothing refers to them
   * any more; otherwise they belong to the receiver. A requester that cannot tell lacks this.
   */
  onResponseLoan?(chunk: Buffer, more: boolean): boolean;
  /** The responder failed. Before `onResponse` the requester still owes its client a response; later it must cut it off. */
  onResponseError(error: ExchangeError): void;
  /**
   * The responder accepts this many more bytes of the request body. The first grant says that the body is wanted. May come before the call
   * that spent the previous credits returns.
   */
  onRequestCredit(bytes: number): void;
  /**
   * The responder cannot take any more of the request for now, whatever it has granted: neither body bytes nor WebSocket messages, pings and
   * pongs, even empty ones. It still learns when the client leaves. Between `pauseRequest(true)` and `pauseRequest(false)` nothing comes
   * except what was already on its way; that may come before the latter returns. A hand-over ends a pause.
   */
  pauseRequest(paused: boolean): void;
  /**
   * For the rest of the exchange the client counts as gone as soon as it closes its sending side (FIN), although it could still be waiting
   * for its response. A requester whose client has no such side lacks this.
   */
  abortOnHalfClose?(): void;
  /**
   * The caller writes the bytes of the response itself, and the exchange has none: `owner` has the connection from now on, beyond this request.
   * The body of the request still comes as it is granted, and the owner ends the record of the request. Returns the same object for each request on
   * the connection. Only the first `owner` counts. A requester that is no client's connection lacks this.
   */
  takeRaw?(owner: RawOwner): RawClient;
  /** The owner of the connection, if it has one because of an earlier request. */
  readonly rawOwner?: RawOwner | null;
  /** From now on `responder` responds instead of the caller (a hold takes over, a replay hands back). */
  handOver(responder: Responder): void;
}

/** The responder of an exchange: takes the request body, and news of the requester. */
export interface Responder {
  /** Whether what it sends goes to many requesters, as payloads: it is the hub. Others may lack this. */
  readonly sendsToMany?: boolean;
  /** `chunk` is a view that belongs to the receiver from now on. Not called at all when the request's `bodyLength` is 0. */
  onRequestData(chunk: Buffer, more: boolean): void;
  /** The requester is gone or its body broke off: the exchange is over. */
  onRequestError(error: ExchangeError): void;
  /** The requester accepts this many more bytes of the response body. May come before the call that spent the previous credits returns. */
  onResponseCredit(bytes: number): void;
  /** Begins to move to another process, with its requester. Null where it cannot at present. A responder that never can lacks this. */
  suspend?(): Suspended | null;
}

/**
 * Responds to requests: the one shape that the rooms pass to each other. It may respond through `requester` before it returns; its caller must
 * be prepared for that.
 */
export type Service = (request: RequestHead, requester: Requester) => Responder;
