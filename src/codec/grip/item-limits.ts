/** Bytes of an item's id, in UTF-8: channels and held requests keep it. */
export const MAX_ID_BYTES = 1_024;

/** Seconds of the longest `ttl`: a year. */
export const MAX_TTL = 31_536_000;
