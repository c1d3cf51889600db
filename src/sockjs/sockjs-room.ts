import type { TimerWheel, TurnQueue } from '../clock/index.ts';
import type { Counters, HeldTotal, Log } from '../exchange/index.ts';

/** What all SockJS sessions share. */
export interface SockJsRoom {
  readonly wheel: TimerWheel;
  readonly turn: TurnQueue;
  readonly counters: Counters;
  readonly log: Log;
  /** What sessions hold for clients that take nothing. */
  readonly held: HeldTotal;
}
