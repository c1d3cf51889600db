import { type AtTurnEnd, fault } from '../clock/index.ts';
import type { HubRoom } from './hub-room.ts';
import type { Subscriber } from './subscriber.ts';

/** Holds that are visited in one turn of the event loop. */
export const SWEEP_SLICE = 1_024;

/** Visits all holds of a hub, in slices. Those that come while it is under way are not visited. */
export class HoldSweep implements AtTurnEnd {
  readonly #room: HubRoom;
  readonly #visit: (hold: Subscriber) => void;
  readonly #onFault: (thrown: unknown) => void;
  #holds: readonly Subscriber[] = [];
  #next = 0;
  #again = false;

  /** @param onFault handles an exception of the sweep itself */
  constructor(room: HubRoom, visit: (hold: Subscriber) => void, onFault: (thrown: unknown) => void) {
    this.#room = room;
    this.#visit = visit;
    this.#onFault = onFault;
  }

  /** Begins. If it is under way, it begins once more when it is done, however often it was asked to. */
  begin(): void {
    if (this.#holds.length > 0) {
      this.#again = true;
      return;
    }
    this.#again = false;
    // A copy: a replay may lead to another hold at once, which would be replayed again, without end.
    this.#holds = [...this.#room.holds];
    this.onTurnEnd();
  }

  onTurnEnd(): void {
    const holds = this.#holds;
    const end = Math.min(holds.length, this.#next + SWEEP_SLICE);
    while (this.#next < end) {
      const hold = holds[this.#next++] as Subscriber;
      if (!this.#room.holds.has(hold)) continue;
      try {
        this.#visit(hold);
      } catch (thrown) {
        fault(hold, thrown);
      }
    }
    if (end < holds.length) {
      this.#room.turns.add(this);
      return;
    }
    this.#holds = [];
    this.#next = 0;
    if (this.#again) this.begin();
  }

  onFault(thrown: unknown): void {
    this.#onFault(thrown);
  }
}
