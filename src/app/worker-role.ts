import type { CounterSnapshot } from '../exchange/index.ts';

/** What a worker process does. */
export interface WorkerRole {
  /** Prepares and listens. Returns where. @throws Error when that cannot be done */
  start(): Promise<readonly string[]>;
  drain(): void;
  whenEmpty(): Promise<void>;
  stop(): Promise<void>;
  readonly counters: CounterSnapshot;
}
