import { DEFAULT_LIMITS, type Http1Limits } from '../codec/http1/index.ts';

/** Limits of the heads of an origin's responses. */
export interface ResponseHeadLimits {
  readonly maxResponseHeaderBytes: number;
  readonly maxResponseHeaders: number;
  readonly lenientLineEnds: boolean;
}

/** The same as the codec takes them. */
export function http1LimitsOf(limits: ResponseHeadLimits): Http1Limits {
  return {
    ...DEFAULT_LIMITS,
    maxHeadBytes: limits.maxResponseHeaderBytes,
    maxHeaders: limits.maxResponseHeaders,
    lenientLineEnds: limits.lenientLineEnds,
  };
}
