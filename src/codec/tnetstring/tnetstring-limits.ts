/** Limits of one decoded value. */
export interface TnetstringLimits {
  /** Bytes of the whole tnetstring. The format allows at most 999,999,999: a length has up to nine digits. */
  readonly maxBytes: number;
  /** Nesting depth of lists and maps, the outermost included. */
  readonly maxDepth: number;
}

/** 16 MiB, and 32 levels. */
export const DEFAULT_TNETSTRING_LIMITS: TnetstringLimits = { maxBytes: 16_777_216, maxDepth: 32 };
