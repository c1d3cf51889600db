import type { Config } from '../config/index.ts';
import type { CounterSnapshot } from '../exchange/index.ts';
import type { LogLevel } from './logger.ts';

/** What a worker process is to do, for each role that can be spread over processes. */
export interface WorkerJob {
  readonly role: 'edge';
  readonly edge: Config['edge'];
  readonly logLevel: LogLevel;
  /** What the ids of its sessions begin with. */
  readonly idPrefix: string;
  /** Ways to handlers that go through the main process, in the order of the channels; none where the worker has its own. */
  readonly relayed: readonly ('stream' | 'req')[];
}

/** What the main process wants of a worker. */
export type WorkerOrder =
  | { readonly order: 'start'; readonly job: WorkerJob }
  /** Accept no more connections, and let those that are open come to their end. */
  | { readonly order: 'drain' }
  | { readonly order: 'stop' };

/** What a worker tells the main process. */
export type WorkerReport =
  /** It takes orders: those that are sent earlier would be lost. */
  | { readonly report: 'ready' }
  | { readonly report: 'listening'; readonly addresses: readonly string[] }
  /** It cannot start, and ends. */
  | { readonly report: 'failed'; readonly reason: string }
  /** No connection is open any more. */
  | { readonly report: 'empty' }
  | { readonly report: 'counters'; readonly counters: CounterSnapshot };
