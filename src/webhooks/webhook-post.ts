import type { HeaderList } from '../exchange/index.ts';

/** What became of a request. */
export interface PostedEvents {
  /** 0: there was no response. */
  readonly status: number;
  /** Seconds that the receiver asks to wait (`Retry-After`); 0 where it does not. */
  readonly retryAfter: number;
  /** Why there was no response. */
  readonly reason: string;
}

/** Sends requests to the receivers of webhooks. */
export interface WebhookPost {
  /** Sends a body. @param done called once, after the call has returned */
  post(url: string, headers: HeaderList, body: Buffer, done: (posted: PostedEvents) => void): void;
}
