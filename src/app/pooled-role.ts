import type { WorkerJob } from './worker-messages.ts';
import type { WorkerPool } from './worker-pool.ts';

/** A role whose clients are in the processes of a pool. */
export abstract class PooledRole<Job extends WorkerJob> {
  protected abstract readonly pool: WorkerPool<Job>;

  /** Where clients can connect. */
  get addresses(): readonly string[] {
    return this.pool.addresses;
  }

  /** As `WorkerPool.closeConnection`. */
  closeConnection(id: string): Promise<boolean> {
    return this.pool.closeConnection(id);
  }

  drain(): void {
    this.pool.drain();
  }

  whenEmpty(): Promise<void> {
    return this.pool.whenEmpty();
  }
}
