import type { TimerWheel, TurnQueue } from '../clock/index.ts';
import type { Http1Limits } from '../codec/http1/index.ts';
import { DEFAULT_LIMITS, type WebSocketLimits } from '../codec/websocket/index.ts';
import type { Counters, Log } from '../exchange/index.ts';
import type { Dialler } from '../net/index.ts';

/**
 * Bounds of WebSockets to origins. Times in seconds, fractions allowed, as coarse as the wheel. Of the bounds of what an origin sends
 * those of a message may be `Infinity`: messages are passed on in pieces.
 */
export interface WebSocketClientLimits extends WebSocketLimits {
  /** Until the connection stands, name resolution and TLS included; 0 for no bound but the system's. */
  readonly connectTimeout: number;
  /** From then on until the head of the response is complete, and between two parts of the body of one that refuses; 0 for none. */
  readonly responseTimeout: number;
  /** From a close frame of either side to that of the other. */
  readonly closeTimeout: number;
  /** For an origin to accept all that waits for it; 0 for none. */
  readonly writeTimeout: number;
  /** Bytes of a response head, and of the trailers of one that refuses. */
  readonly maxResponseHeaderBytes: number;
  /** Fields of a response head, and of the trailers of one that refuses. */
  readonly maxResponseHeaders: number;
  /** Accepts heads whose lines end in LF alone. */
  readonly lenientLineEnds: boolean;
  /** Bytes that the requester may send before the origin has accepted the first ones. */
  readonly window: number;
  /**
   * Messages, pings and pongs that may wait while the origin takes nothing, as empty ones cost no credit. One more ends the WebSocket.
   * @bound websocket-queued-messages
   */
  readonly queuedMessages: number;
}

export const DEFAULT_WEBSOCKET_CLIENT_LIMITS: WebSocketClientLimits = {
  ...DEFAULT_LIMITS,
  connectTimeout: 10,
  responseTimeout: 60,
  closeTimeout: 10,
  writeTimeout: 60,
  maxResponseHeaderBytes: 65_536,
  maxResponseHeaders: 128,
  lenientLineEnds: false,
  window: 65_536,
  queuedMessages: 100,
};

/** What all WebSockets of one client share. */
export interface WebSocketContext {
  readonly dialler: Dialler;
  readonly wheel: TimerWheel;
  readonly counters: Counters;
  readonly log: Log;
  readonly limits: WebSocketClientLimits;
  readonly http1Limits: Http1Limits;
  /** Whether compression is offered. */
  readonly compression: boolean;
  readonly turn: TurnQueue;
}
