import type { Http1Limits } from '../codec/http1/index.ts';
import type { WebSocketLimits } from '../codec/websocket/index.ts';

/** Bounds of what clients may do. All times in seconds, 0 meaning no limit only where said. */
export interface ServerLimits extends Http1Limits, WebSocketLimits {
  /** Connections that are served at the same time; further ones wait for their turn. */
  readonly maxConnections: number;
  /** How long a connection waits for its turn. Then it gets a 503. */
  readonly acceptTimeout: number;
  /** From the first byte of a request head to its last. */
  readonly headerTimeout: number;
  /** How long a connection is kept open between requests, and before the first one. */
  readonly idleTimeout: number;
  /** Silence in the middle of a request body. */
  readonly bodyTimeout: number;
  /** A client that takes nothing of what is sent to it for so long is cut off. */
  readonly writeTimeout: number;
  /** From the first byte of a request to the last byte of its body; 0 for no limit. */
  readonly requestTimeout: number;
  /**
   * Bytes of further requests, or of frames without credit, that are kept; then the client is not read.
   * @bound pipelined-bytes
   */
  readonly pipelineBytes: number;
  /**
   * Whether a client that closes its sending side (FIN) while its response is awaited or under way counts as gone, as most that do so
   * are. If not, its response goes on until a write to it fails.
   */
  readonly abortOnHalfClose: boolean;
  /**
   * Messages, pings and pongs for one WebSocket that may wait while its client takes nothing; one more cuts it off. Default: 100. Their
   * bytes are bounded by the credits of the client.
   * @bound websocket-messages
   */
  readonly queuedMessages: number;
  /** How long a client has to respond to a close frame. Default: 10. */
  readonly closeTimeout: number;
}

/** Seconds that a closing connection is read on, so that the client gets the last response instead of a reset (RFC 9112 §9.6). */
export const LINGER = 2;

/** Seconds after which an exchange counts as a long one: from then on the kernel finds out when the client's host has gone. */
export const LONG_EXCHANGE = 30;

/** Seconds between two looks at whether a client from which nothing is read, but which still waits for its response, is there. */
export const PROBE_INTERVAL = 5;

/** Bytes that a socket buffers in user space before its writer waits. */
export const SOCKET_BUFFER = 65_536;
