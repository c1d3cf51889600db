/** Limits of one packet that an operator may set. */
export interface ZhttpLimits {
  /** Bytes of the whole packet with its type byte; the body is the largest part of it. */
  readonly maxPacketBytes: number;
  /** Header fields. Condure and Pushpin accept 64 and drop a packet with more. */
  readonly maxHeaders: number;
}

/** 16 MiB, and as many header fields as HTTP/1 messages may have by default. */
export const DEFAULT_ZHTTP_LIMITS: ZhttpLimits = { maxPacketBytes: 16_777_216, maxHeaders: 128 };

/** For packets that Holdfast has written itself. */
export const NO_LIMITS: ZhttpLimits = {
  maxPacketBytes: Number.POSITIVE_INFINITY,
  maxHeaders: Number.POSITIVE_INFINITY,
};

/** Maximum sessions in one packet. Peers drop packets with more. */
export const MAX_IDS = 128;

/** Bytes of a session's id. */
export const MAX_ID_BYTES = 64;

/** Bytes of a peer's address (`from`). */
export const MAX_ADDRESS_BYTES = 64;
