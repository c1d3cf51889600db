import type { CounterSnapshot } from '../exchange/index.ts';
import type { PreparedCertificates } from './certificates.ts';
import type { ChangePart } from './change-parts.ts';
import type { ClientView } from './client-view.ts';
import type { ProxyMetrics } from './proxy-metrics.ts';
import type { SocketHandle } from './upgrade/upgrade-channel.ts';
import type { MovingOrder } from './upgrade/upgrade-messages.ts';

/** What a worker process does. */
export interface WorkerRole {
  /** Prepares and listens. Returns where. @throws Error when that cannot be done */
  start(): Promise<readonly string[]>;
  /** Another process accepts: what is open goes on. */
  retire(): void;
  /** Ends what has stayed, spread over a time in milliseconds. */
  dismiss(time: number): void;
  drain(): void;
  whenEmpty(): Promise<void>;
  stop(): Promise<void>;
  readonly counters: CounterSnapshot;
  /** Of the proxy only. */
  readonly metrics?: ProxyMetrics;
  /** Its clients, where they have ids of their own. */
  readonly clients?: ClientView;
  /** Clients move to another process, or come from there, where they can. */
  move?(order: MovingOrder, handle: SocketHandle | undefined): void;
  /**
   * Prepares another configuration, given in parts.
   * @throws Error when it cannot be used
   */
  prepareChange(parts: readonly ChangePart[]): Promise<PreparedCertificates>;
}
