import type { AtTurnEnd } from '../clock/index.ts';
import type { HubRoom } from './hub-room.ts';
import type { Subscriber } from './subscriber.ts';

/** Holds that are drained in one turn of the event loop. */
export const DRAIN_SLICE = 1_024;

/** Drains all holds of a hub, in slices, once everything has been delivered. */
export class Drain implements AtTurnEnd {
  readonly #room: HubRoom;
  readonly #delivered: () => boolean;
  readonly #onFault: (thrown: unknown) => void;
  #holds: Iterator<Subscriber> | null = null;

  /** @param delivered tells whether everything that was accepted has been delivered */
  constructor(room: HubRoom, delivered: () => boolean, onFault: (thrown: unknown) => void) {
    this.#room = room;
    this.#delivered = delivered;
    this.#onFault = onFault;
  }

  /** Whether it has begun: holds that come from now on are not visited by it. */
  get begun(): boolean {
    return this.#holds !== null;
  }

  /** Begins, if everything has been delivered and it has not begun yet. */
  begin(): void {
    if (this.#holds !== null || !this.#delivered()) return;
    this.#holds = this.#room.holds.values();
    this.onTurnEnd();
  }

  onTurnEnd(): void {
    for (let count = 0; count < DRAIN_SLICE; count++) {
      const next = this.#holds?.next();
      if (next === undefined || next.done) return;
      try {
        next.value.drain();
      } catch (thrown) {
        next.value.onFault(thrown);
      }
    }
    this.#room.turns.add(this);
  }

  onFault(thrown: unknown): void {
    this.#onFault(thrown);
  }
}
