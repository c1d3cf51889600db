/** Limits on what a peer may send. Reaching one fails the connection with 1009. */
export interface WebSocketLimits {
  /** Payload bytes of one frame, at most `Number.MAX_SAFE_INTEGER`. Checked when the length is read, before the payload. */
  readonly maxFrameBytes: number;
  /** Bytes of one message. Applies to a compressed one both before and after inflating. */
  readonly maxMessageBytes: number;
  /** Maximum frames of one message, empty ones included. */
  readonly maxFragments: number;
}

export const DEFAULT_LIMITS: WebSocketLimits = {
  maxFrameBytes: 16_777_216,
  maxMessageBytes: 16_777_216,
  maxFragments: 131_072,
};
