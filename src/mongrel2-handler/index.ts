export type {
  CreditsEvent,
  DisconnectEvent,
  HandlerEvent,
  HandshakeEvent,
  MessageEvent,
  Receiver,
  RequestEvent,
  SocketEvent,
  UploadEvent,
  UploadPartEvent,
  UploadStartEvent,
} from './handler-event.ts';
export type { HttpAnswer } from './http-answer.ts';
export { type AcceptOptions, Mongrel2Handler, type Mongrel2HandlerOptions } from './mongrel2-handler.ts';
