/** Limits of one message head. */
export interface Http1Limits {
  /** Bytes of the whole head, from the first one to the empty line. */
  readonly maxHeadBytes: number;
  /** Header fields, and also trailer fields. */
  readonly maxHeaders: number;
  /** Bytes of the request target. */
  readonly maxTargetBytes: number;
  /** Accept a line that ends in a bare LF (RFC 9112 §2.2 allows it, and smuggling uses it). */
  readonly lenientLineEnds: boolean;
}

export const DEFAULT_LIMITS: Http1Limits = {
  maxHeadBytes: 16_384,
  maxHeaders: 128,
  maxTargetBytes: 8_192,
  lenientLineEnds: false,
};

/** Bytes of chunk extensions in one body; they are unused in practice, so more is an attack. */
export const MAX_EXTENSION_BYTES = 4_096;
