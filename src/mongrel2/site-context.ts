import type { TimerWheel, TurnQueue } from '../clock/index.ts';
import type { Mongrel2Settings } from '../config/index.ts';
import type { HeldTotal, Log } from '../exchange/index.ts';
import type { ZmqCounters } from '../zmq/index.ts';
import type { SiteAccessLog } from './access-log.ts';
import type { HeldAnswers } from './held-answers.ts';
import type { Mongrel2Counters } from './mongrel2-counters.ts';
import type { UploadStore } from './upload-store.ts';

/** What the parts of one site share. */
export interface SiteContext {
  readonly settings: Mongrel2Settings;
  readonly wheel: TimerWheel;
  readonly counters: Mongrel2Counters;
  readonly zmqCounters: ZmqCounters;
  readonly log: Log;
  /** What waits for clients that take too little. */
  readonly held: HeldAnswers;
  /** Messages of WebSockets and sockets that are not complete, or wait for their handler, and bodies that are not complete. */
  readonly inputs: HeldTotal;
  readonly turn: TurnQueue;
  readonly accessLog: SiteAccessLog;
  /** Null: large bodies are not written to files. */
  readonly uploads: UploadStore | null;
  /** Bytes that may wait for one client before it is cut off. Default: `MAX_CLIENT_BYTES`. */
  readonly maxClientBytes?: number;
  /** Bytes of messages that wait for one handler. Default: `MAX_WAITING_BYTES`. */
  readonly maxWaitingBytes?: number;
  /** Counts and logs an exception, which is a defect of ours. */
  fault(thrown: unknown, about?: Record<string, unknown>): void;
}
