import type { WebSocketResponder } from '../exchange/index.ts';

/** Answers in place of whoever would have, where a request has failed before anybody got it: the exchange is over. */
export const NO_RESPONDER: WebSocketResponder = {
  onRequestData: () => {},
  onRequestError: () => {},
  onResponseCredit: () => {},
  onRequestMessage: () => {},
  onRequestPing: () => {},
  onRequestPong: () => {},
  onRequestClose: () => {},
};
