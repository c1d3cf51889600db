import type { WebSocketResponder } from './websocket.ts';

/** Stands where nobody answers: the exchange is over, or whoever answers has yet to be found. Nothing is told to anybody. */
export const NO_RESPONDER: WebSocketResponder = {
  onRequestData: () => {},
  onRequestError: () => {},
  onResponseCredit: () => {},
  onRequestMessage: () => {},
  onRequestPing: () => {},
  onRequestPong: () => {},
  onRequestClose: () => {},
};
