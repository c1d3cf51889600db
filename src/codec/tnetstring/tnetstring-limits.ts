/** Bounds of one decoded value. */
export interface TnetstringLimits {
  /** Bytes of the whole tnetstring. At most 999,999,999 can be written at all: a length has up to nine digits. */
  readonly maxBytes: number;
  /** Lists and maps within each other, the outermost one counted. */
  readonly maxDepth: number;
}

/** 16 MiB, and 32 containers within each other. */
export const DEFAULT_TNETSTRING_LIMITS: TnetstringLimits = { maxBytes: 16_777_216, maxDepth: 32 };
