import type { Requester, RequestHead, Responder } from './exchange.ts';
import type { JoinedMessages } from './joined-messages.ts';
import type { MessagePayload } from './message-payload.ts';

/**
 * The requester of a WebSocket (RFC 6455): an exchange whose request has the scheme `ws` or `wss`. `onResponse` with status 101 opens it and
 * has no body; any other status refuses it, and the exchange continues and ends like that of an ordinary response.
 *
 * Once open, messages, pings and pongs are sent in any order, but a message is complete before the next one begins. The exchange is
 * over when a close has gone both ways, or after an error in either direction. Payload bytes of messages, pings and pongs cost
 * credit in both directions; a close costs none.
 */
export interface WebSocketRequester extends Requester {
  /**
   * Whether the client takes all that it is sent: what waits here for credit waits for something else, as compression. Absent where that is
   * not known.
   */
  readonly keepsUp?: boolean;
  /** A piece of a message. `text` is the same for all pieces of one message. `chunk` belongs to the receiver from now on and may be empty. */
  onResponseMessage(chunk: Buffer, text: boolean, more: boolean): void;
  /** Like `onResponseMessage` with a whole message, for one that goes to many requesters, which share its frames. */
  onResponseShared(message: MessagePayload): void;
  /** `onResponseShared` for each of these messages, in their order. */
  onResponseJoined(joined: JoinedMessages): void;
  /** @param data at most 125 bytes */
  onResponsePing(data: Buffer): void;
  /** @param data at most 125 bytes */
  onResponsePong(data: Buffer): void;
  /**
   * The responder closes, or returns the close of the requester; it sends nothing afterwards.
   * @param code one that may be sent (RFC 6455 §7.4), or 1005 for none
   * @param reason at most 123 bytes in UTF-8
   */
  onResponseClose(code: number, reason: string): void;
  handOver(responder: WebSocketResponder): void;
}

/** The responder of a WebSocket: takes what the client sends. */
export interface WebSocketResponder extends Responder {
  /** A piece of a message, as `onResponseMessage`. */
  onRequestMessage(chunk: Buffer, text: boolean, more: boolean): void;
  onRequestPing(data: Buffer): void;
  onRequestPong(data: Buffer): void;
  /** The requester closes, or returns the close of the responder. */
  onRequestClose(code: number, reason: string): void;
}

/** Responds to WebSockets, as `Service` does to requests. */
export type WebSocketService = (request: RequestHead, requester: WebSocketRequester) => WebSocketResponder;
