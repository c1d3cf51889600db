import type { HeaderList, WebSocketRequester, WebSocketResponder } from '../exchange/index.ts';
import type { FetchRequest } from './fetch-request.ts';
import type { Origin } from './origin.ts';

/** A place at which a WebSocket is asked for: the one that the request's URI names, or one that a redirect leads to. */
export interface WebSocketHop {
  /** Where to connect to, if the name has been allowed. */
  readonly origin: Origin;
  /** Value of the Host field: `host[:port]` of the URI, without the port that its scheme has anyway. */
  readonly authority: string;
  /** Path and query of the URI, at least `/`. */
  readonly target: string;
  /**
   * The request's fields without those that are not for this place, and with the Authorization that userinfo stands for. Host, and what
   * belongs to the connection, to the handshake or to a body, is not looked at.
   */
  readonly headers: HeaderList;
  /**
   * Where a response with this status and Location leads to; null if it is no redirect that is or can be followed, so that it is the
   * answer.
   * @throws ExchangeError HF_TOO_MANY_REDIRECTS, HF_POLICY_VIOLATION
   */
  redirected(status: number, location: string): WebSocketHop | null;
}

/** Opens WebSockets whose URIs have been parsed. */
export interface WebSocketOpener {
  /**
   * Opens a WebSocket at `hop`, or where that redirects to. Of `request` only the credits are looked at: all else has gone into `hop`.
   * Whatever goes wrong comes to the requester as `onResponseError`, perhaps before this returns.
   */
  open(hop: WebSocketHop, request: FetchRequest, requester: WebSocketRequester): WebSocketResponder;
}
