import type { Counters, ExchangeError, Log, ResponseHead, Service } from '../exchange/index.ts';
import type { TimerWheel } from '../net/index.ts';
import type { ServerLimits } from './options.ts';

/** What a connection needs of the server that accepted it. */
export interface ConnectionHost {
  readonly service: Service;
  readonly limits: ServerLimits;
  readonly wheel: TimerWheel;
  readonly counters: Counters;
  readonly log: Log;
  /** Whether the server is shutting down: connections end with their present answer. */
  readonly draining: boolean;
  /** The answer for a request that the server refuses by itself. */
  readonly describeError: (error: ExchangeError) => { head: ResponseHead; body: Buffer };
  /** Calls `flush` of the connection at the end of this turn of the event loop. */
  flushLater(connection: { flush(): void }): void;
}
