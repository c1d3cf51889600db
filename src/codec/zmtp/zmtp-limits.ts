/** Limits on what one peer may send. */
export interface ZmtpLimits {
  /** Bytes of one message, all its parts together; at least 0. */
  readonly maxMessageBytes: number;
  /** Parts of one message; at least 1. */
  readonly maxParts: number;
}

export const DEFAULT_LIMITS: ZmtpLimits = { maxMessageBytes: 16_777_216, maxParts: 1_024 };

/**
 * Bytes of one command. The longest carry a subscription's topic or the handshake's metadata; a longer topic can still come
 * as a message, as in ZMTP 3.0.
 */
export const MAX_COMMAND_BYTES = 8_192;

/** RFC 37: maximum size of a PING's context. */
export const MAX_CONTEXT_BYTES = 16;
