import type { Config } from '../config/index.ts';
import type { CounterSnapshot } from '../exchange/index.ts';
import type { PassedSocket } from '../net/index.ts';
import type { CertificateChange, CertificatePairs } from './certificates.ts';
import type { ClientQuestion } from './client-view.ts';
import type { LogLevel } from './logger.ts';
import type { ProcessReport } from './metrics/process-monitor.ts';
import type { ProxyMetrics } from './proxy-metrics.ts';
import type { MovingOrder, MovingReport } from './upgrade/upgrade-messages.ts';

/** File descriptors of a process from here on are its channels, and then the sockets that it accepts on. */
export const FIRST_CHANNEL = 4;

/** What all jobs say. */
interface CommonJob {
  /** Certificates that come before those of the folder. */
  readonly certificates: CertificatePairs;
  readonly logLevel: LogLevel;
  /** Takes the log instead of standard output; null for none. */
  readonly logFile: string | null;
  readonly accessLog: Config['accessLog'];
  /** Whether it watches itself for the metrics. */
  readonly watched: boolean;
  /** What the ids of its sessions or connections begin with. */
  readonly idPrefix: string;
  /** Ways that go through the main process, in the order of the channels. */
  readonly relayed: readonly string[];
}

/** Serves connections of the edge. */
export interface EdgeJob extends CommonJob {
  readonly role: 'edge';
  readonly edge: Config['edge'];
  readonly trace: Config['trace'];
  /** Ways to handlers; none where the worker has its own. */
  readonly relayed: readonly ('stream' | 'req')[];
}

/** Serves clients of the proxy. */
export interface ProxyJob extends CommonJob {
  readonly role: 'proxy';
  /** The configuration as `encodeValue` writes it. */
  readonly config: string;
  /** The way of published items. */
  readonly relayed: readonly ['items'];
}

/** What a worker process is to do, for each role that can be spread over processes. */
export type WorkerJob = EdgeJob | ProxyJob;

/** What the main process wants of a worker. */
export type WorkerOrder =
  | { readonly order: 'start'; readonly job: WorkerJob; readonly listening: readonly PassedSocket[] }
  /** Take a part of a change, a `ChangePart` as `encodeValue` writes it. */
  | { readonly order: 'part'; readonly part: string }
  /** Prepare the change whose parts have been taken. */
  | { readonly order: 'prepare' }
  /** Use it from now on. */
  | { readonly order: 'commit' }
  /** Forget it. */
  | { readonly order: 'discard' }
  /** The log file has been moved away. */
  | { readonly order: 'reopen log' }
  /** Answer what is asked about clients. */
  | { readonly order: 'ask'; readonly number: number; readonly question: ClientQuestion }
  /** Clients move to another process, or come from there: perhaps with the handle of a socket. */
  | { readonly order: 'move'; readonly message: MovingOrder }
  /** Another process accepts: let those that are open go on, and say so in their next responses. */
  | { readonly order: 'retire' }
  /** End what has stayed, spread over a time in milliseconds. */
  | { readonly order: 'dismiss'; readonly time: number }
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
  /** It has taken a part of a change. */
  | { readonly report: 'taken' }
  /** It has prepared the change, or cannot use it. */
  | {
      readonly report: 'prepared';
      readonly problem: string | null;
      readonly certificates: readonly CertificateChange[];
    }
  /** Clients move to another process, or come from there: perhaps with the handle of a socket. */
  | { readonly report: 'move'; readonly message: MovingReport }
  /** No connection is open any more. */
  | { readonly report: 'empty' }
  /** The answer to the question with this number; null where it has failed. */
  | { readonly report: 'answer'; readonly number: number; readonly value: unknown }
  | {
      readonly report: 'counters';
      readonly counters: CounterSnapshot;
      /** Of the proxy only. */
      readonly metrics?: ProxyMetrics;
      /** Where processes are watched. */
      readonly process?: ProcessReport;
    };
