import { clientNames } from '../exchange/index.ts';
import type { HubRoom } from './hub-room.ts';
import type { SessionStream } from './session-stream.ts';
import { StreamClose } from './step.ts';
import type { StreamItem } from './stream-run.ts';

/** What came to a stream while something had to be waited for, oldest first, within the bounds of the client's queue. */
export class DelayedSteps {
  readonly #room: HubRoom;
  #steps: (StreamItem | StreamClose)[] = [];
  #bytes = 0;

  constructor(room: HubRoom) {
    this.#room = room;
  }

  get empty(): boolean {
    return this.#steps.length === 0;
  }

  /** Adds what ends the stream. */
  close(): void {
    this.#steps.push(new StreamClose(''));
  }

  /**
   * Adds a step, if there is room for it. Otherwise it is dropped, which is counted and logged.
   * @param stream whose it is
   */
  add(step: StreamItem | StreamClose, stream: SessionStream): void {
    const { budget, counters, limits, log } = this.#room;
    const { queueItems, queueBytes } = limits.current;
    const bytes = step instanceof StreamClose ? 0 : step.payload.body.length;
    const fits = this.#steps.length < queueItems && this.#bytes + bytes <= queueBytes;
    if (!fits || !budget.admits(bytes, this.#bytes)) {
      if (!(step instanceof StreamClose) && stream.onDropped(step)) return;
      counters.itemsDropped++;
      log.info({ ...clientNames(stream) }, 'too many items wait for a next link or a filter: item dropped');
      return;
    }
    if (!(step instanceof StreamClose)) budget.take(step.payload);
    this.#steps.push(step);
    this.#bytes += bytes;
  }

  /** Removes the oldest, which counts no longer. */
  shift(): StreamItem | StreamClose | undefined {
    const step = this.#steps.shift();
    if (step !== undefined && !(step instanceof StreamClose)) {
      this.#bytes -= step.payload.body.length;
      this.#room.budget.release(step.payload);
    }
    return step;
  }

  /** Removes all. */
  takeAll(): readonly (StreamItem | StreamClose)[] {
    const steps = this.#steps;
    this.#steps = [];
    this.#bytes = 0;
    for (const step of steps) if (!(step instanceof StreamClose)) this.#room.budget.release(step.payload);
    return steps;
  }
}
