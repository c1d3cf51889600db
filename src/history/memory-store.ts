import { LogStore, type StoreOptions } from './log-store.ts';
import { newEpoch } from './new-epoch.ts';

/** Keeps items in memory, as long as this process runs. Each start is a new epoch. */
export class MemoryStore extends LogStore {
  readonly epoch = newEpoch();
  readonly degraded = null;

  /** @throws RangeError when the total is too small */
  constructor(options: StoreOptions) {
    super(options, null);
    this.start();
  }

  get head(): number {
    return this.log.last;
  }

  protected override store(): void {
    this.calls.settle(this.log.last);
  }
}
