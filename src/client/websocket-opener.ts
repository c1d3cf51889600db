import type { HeaderList, WebSocketRequester, WebSocketResponder } from '../exchange/index.ts';
import type { FetchRequest } from './fetch-request.ts';
import type { Origin } from './origin.ts';

/** A place where a WebSocket is requested: the request's URI, or the target of a redirect. */
export interface WebSocketHop {
  /** Where to connect, once the name is allowed. */
  readonly origin: Origin;
  /** Value of the Host field: `host[:port]` of the URI, without the scheme's default port. */
  readonly authority: string;
  /** Path and query of the URI, at least `/`. */
  readonly target: string;
  /**
   * The request's fields without those that are not for this place, plus the Authorization for the URI's userinfo. Host, and fields of the
   * connection, the handshake or a body, are ignored.
   */
  readonly headers: HeaderList;
  /**
   * Where a response with this status and Location leads; null if it is not a redirect, or one that is not followed: then it is the final
   * response.
   * @throws ExchangeError HF_TOO_MANY_REDIRECTS, HF_POLICY_VIOLATION
   */
  redirected(status: number, location: string): WebSocketHop | null;
}

/** Opens WebSockets with parsed URIs. */
export interface WebSocketOpener {
  /**
   * Opens a WebSocket at `hop`, or where it redirects to. All but the credits is in `hop`. Failures reach the
   * requester as `onResponseError`, perhaps before this returns.
   */
  open(hop: WebSocketHop, request: Pick<FetchRequest, 'credits'>, requester: WebSocketRequester): WebSocketResponder;
}
