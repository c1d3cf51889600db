import type { Config } from '../config/index.ts';
import type { LogLevel } from './logger.ts';

/** What the main process tells a process that serves connections. */
export type WorkerOrder =
  | {
      readonly order: 'start';
      readonly edge: Config['edge'];
      readonly logLevel: LogLevel;
      /** Endpoints of the relays to the handlers. */
      readonly relays: { readonly stream: string; readonly req: string };
    }
  /** Take no more connections, and let what runs come to its end. */
  | { readonly order: 'drain' }
  | { readonly order: 'stop' };

/** What such a process tells the main process. */
export type WorkerReport =
  /** It takes orders: those that are sent earlier would be lost. */
  | { readonly report: 'ready' }
  | { readonly report: 'listening'; readonly addresses: readonly string[] }
  /** It cannot start. */
  | { readonly report: 'failed'; readonly reason: string }
  /** No connection is open any more. */
  | { readonly report: 'empty' };
