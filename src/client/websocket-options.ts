import type { TimerWheel, TurnQueue } from '../clock/index.ts';
import type { Http1Limits } from '../codec/http1/index.ts';
import { DEFAULT_LIMITS, type WebSocketLimits } from '../codec/websocket/index.ts';
import type { Log, OriginCounters } from '../exchange/index.ts';
import type { Dialler } from '../net/index.ts';

/**
 * Limits of WebSockets to origins. Times in seconds, fractions allowed, to the resolution of the wheel. The limits of a message may be
 * `Infinity`: messages are passed on in pieces.
 */
export interface WebSocketClientLimits extends WebSocketLimits {
  /** Time to open the connection, name resolution and TLS included; 0 for the system's limit only. */
  readonly connectTimeout: number;
  /** From then until the response head is complete, and between two parts of a refusal's body; 0 for no limit. */
  readonly responseTimeout: number;
  /** From one side's close frame to the other's. */
  readonly closeTimeout: number;
  /** For an origin to accept everything that waits for it; 0 for no limit. */
  readonly writeTimeout: number;
  /** Bytes of a response head, and of the trailers of a refusal. */
  readonly maxResponseHeaderBytes: number;
  /** Fields of a response head, and of the trailers of a refusal. */
  readonly maxResponseHeaders: number;
  /** Accept heads whose lines end in a bare LF. */
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

/** Settings that all WebSockets of one client share. */
export interface WebSocketContext {
  readonly dialler: Dialler;
  readonly wheel: TimerWheel;
  readonly counters: OriginCounters;
  readonly log: Log;
  readonly limits: WebSocketClientLimits;
  readonly http1Limits: Http1Limits;
  /** Whether compression is offered. */
  readonly compression: boolean;
  readonly turn: TurnQueue;
}
