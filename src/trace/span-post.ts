/** What became of a request to the collector. */
export interface PostedSpans {
  /** 0: there was no response, or not the whole of it. */
  readonly status: number;
  /** The beginning of the body. */
  readonly body: Buffer;
  /** Seconds that the collector asks to wait (`Retry-After`); 0 where it does not. */
  readonly retryAfter: number;
  /** Why there was no response. */
  readonly reason: string;
}

/** Sends spans to the collector. */
export interface SpanPost {
  /** Sends a body of JSON. @param done called once, perhaps before the call returns */
  post(body: Buffer, done: (posted: PostedSpans) => void): void;
}
