import type { TimerWheel } from '../../clock/index.ts';
import type { Counters, HeldTotal, Log, Service } from '../../exchange/index.ts';

/** What the WebSockets over HTTP of one target share. */
export interface OverHttpRoom {
  /** Sends requests to the origin. */
  readonly service: Service;
  /** Whether each request has one event at most. */
  readonly oneEvent: boolean;
  /** Seconds: a shorter Keep-Alive-Interval counts as this. */
  readonly leastKeepAlive: number;
  /** What is kept for all WebSockets over HTTP, of all targets. */
  readonly held: HeldTotal;
  /** Those whose origin is being told that the client has left. */
  readonly parting: Set<object>;
  readonly wheel: TimerWheel;
  readonly counters: Counters;
  readonly log: Log;
}
