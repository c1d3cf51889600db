import type { ClientQuestion } from './client-view.ts';
import type { WorkerJob } from './worker-messages.ts';
import type { WorkerPool } from './worker-pool.ts';

/** A role whose clients are in the processes of a pool. */
export abstract class PooledRole<Job extends WorkerJob> {
  protected abstract readonly pool: WorkerPool<Job>;

  /** Where clients can connect. */
  get addresses(): readonly string[] {
    return this.pool.addresses;
  }

  /** As `WorkerPool.askClients`. */
  askClients(question: ClientQuestion): Promise<readonly unknown[]> {
    return this.pool.askClients(question);
  }

  /** Other processes accept: what is open goes on. */
  retire(): void {
    this.pool.retire();
  }

  /** Ends what has stayed, spread over a time in milliseconds. */
  dismiss(time: number): void {
    this.pool.dismiss(time);
  }

  drain(): void {
    this.pool.drain();
  }

  whenEmpty(): Promise<void> {
    return this.pool.whenEmpty();
  }
}
