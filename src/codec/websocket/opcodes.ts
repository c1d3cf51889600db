/** A further frame of a fragmented message (RFC 6455 §5.2). */
export const CONTINUATION = 0;
/** First frame of a text message. */
export const TEXT = 1;
/** First frame of a binary message. */
export const BINARY = 2;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;

/** The opcodes of RFC 6455 §5.2; all others are reserved. */
export type Opcode = typeof CONTINUATION | typeof TEXT | typeof BINARY | typeof CLOSE | typeof PING | typeof PONG;

/** Maximum payload of a control frame in bytes (RFC 6455 §5.5). */
export const MAX_CONTROL_BYTES = 125;
