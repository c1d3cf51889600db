import type { Requester, Responder, WebSocketRequester, WebSocketResponder } from '../exchange/index.ts';
import type { FetchRequest } from './fetch-request.ts';

/**
 * Makes outbound requests. Every failure comes to the requester as `onResponseError`, perhaps before the call returns; the `condition`
 * in the error's face is what ZHTTP calls it.
 */
export interface Fetcher {
  /** Makes an HTTP request. The URI's scheme is `http` or `https`, or the request fails with HF_FETCH_INVALID. */
  fetch(request: FetchRequest, requester: Requester): Responder;
  /**
   * Opens a WebSocket. The URI's scheme is `ws` or `wss`, or the request fails with HF_FETCH_INVALID. A response other than 101 comes as
   * `onResponse` and `onResponseData`, as for an ordinary request.
   */
  openWebSocket(request: FetchRequest, requester: WebSocketRequester): WebSocketResponder;
}
