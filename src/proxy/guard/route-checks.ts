import type { RateLimit } from './rate-limit.ts';
import type { TokenGuard } from './token-guard.ts';

/** What a route asks of its requests before they go on. */
export interface RouteChecks {
  /** Null where requests need no token. */
  readonly guard: TokenGuard | null;
  /** Null where clients may send any number of requests. */
  readonly limit: RateLimit | null;
}
