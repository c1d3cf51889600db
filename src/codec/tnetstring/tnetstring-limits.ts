/** Limits of one decoded value. */
export interface TnetstringLimits {
  /** Bytes of the whole tnetstring. The format allows at most 999,999,999: a length has up to nine digits. */
  readonly maxBytes: number;
  /** Nesting depth of lists and maps, the outermost included. */
  readonly maxDepth: number;
  /** Whether floats are accepted: some programs have none. */
  readonly floats: boolean;
}

/** 16 MiB, 32 levels, and floats. */
export const DEFAULT_TNETSTRING_LIMITS: TnetstringLimits = { maxBytes: 16_777_216, maxDepth: 32, floats: true };
