import { LogStore, type StoreOptions } from './log-store.ts';
import { type LogSummary, type MovedPart, partsOfLog, takePart } from './moved-log.ts';
import { newEpoch } from './new-epoch.ts';

/** Keeps items in memory, as long as this process runs. Each start is a new epoch. */
export class MemoryStore extends LogStore {
  readonly epoch: string;
  readonly degraded = null;

  /**
   * @param moved what another store has been that this one goes on with; its parts follow
   * @throws RangeError when the total is too small
   */
  constructor(options: StoreOptions, moved: LogSummary | null = null) {
    super(options, null);
    this.epoch = moved?.epoch ?? newEpoch();
    if (moved !== null) {
      this.log.last = moved.last;
      this.log.epochFloor = moved.epochFloor;
      this.log.unknownFloor = moved.unknownFloor;
      this.rules = moved.rules;
    }
    this.start();
  }

  /** What another process goes on with, besides the parts. */
  get summary(): LogSummary {
    const { last, epochFloor, unknownFloor } = this.log;
    return { epoch: this.epoch, last, epochFloor, unknownFloor, rules: this.rules };
  }

  /** All items in parts, for another process. Nothing may be appended until the last one. */
  get parts(): Generator<MovedPart, void> {
    return partsOfLog(this.log);
  }

  /** Takes a part of the store that this one goes on with. */
  take(part: MovedPart): void {
    takePart(this.log, part);
  }

  get head(): number {
    return this.log.last;
  }

  protected override store(): void {
    this.calls.settle(this.log.last);
  }
}
