import type { Requester, Responder, WebSocketRequester, WebSocketResponder } from '../exchange/index.ts';
import type { FetchRequest } from './fetch-request.ts';

/**
 * Makes outbound requests. Every failure reaches the requester as `onResponseError`, perhaps before the call returns; its `condition` is the
 * name in ZHTTP.
 */
export interface Fetcher {
  /** Makes an HTTP request. A URI scheme other than `http` or `https` fails with HF_FETCH_INVALID. */
  fetch(request: FetchRequest, requester: Requester): Responder;
  /**
   * Opens a WebSocket. A URI scheme other than `ws` or `wss` fails with HF_FETCH_INVALID. A response other than 101 arrives as
   * `onResponse` and `onResponseData`, as for an ordinary request.
   */
  openWebSocket(request: FetchRequest, requester: WebSocketRequester): WebSocketResponder;
}
