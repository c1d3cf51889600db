import type { WebSocketResponder } from './websocket.ts';

/** Stands in for a missing responder: the exchange is over, or its responder is not known yet. Ignores every call. */
export const NO_RESPONDER: WebSocketResponder = {
  onRequestData: () => {},
  onRequestError: () => {},
  onResponseCredit: () => {},
  onRequestMessage: () => {},
  onRequestPing: () => {},
  onRequestPong: () => {},
  onRequestClose: () => {},
};
