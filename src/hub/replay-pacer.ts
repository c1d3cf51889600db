import { type AtTurnEnd, fault, type Guarded, type TurnQueue } from '../clock/index.ts';

/**
 * Replays that are at one target at the same time.
 * @bound hub-replays
 */
export const REPLAYS_AT_ONCE = 64;

/** Replays that share the request of another one, in one turn of the event loop. */
export const SHARED_AT_ONCE = 1_024;

/** A held request that can be sent to its origin again. */
export interface Replayable extends Guarded {
  /** Names the target whose turn it waits for. */
  readonly target: string;
  /** Its turn has come. It calls `ReplayPacer.done` when its place is free again. */
  startReplay(): void;
}

/**
 * Lets replays begin: no more than `REPLAYS_AT_ONCE` at one target, the others in order. One hint or recovery concerns all clients of a
 * channel or of the hub, and would otherwise be a storm of requests and connections.
 */
export class ReplayPacer {
  readonly #turns: TurnQueue;
  readonly #targets = new Map<string, PacedTarget>();
  readonly #onFault: (thrown: unknown) => void;

  /** @param onFault handles an exception of the pacer itself */
  constructor(turns: TurnQueue, onFault: (thrown: unknown) => void) {
    this.#turns = turns;
    this.#onFault = onFault;
  }

  /** Targets with replays under way or waiting. */
  get size(): number {
    return this.#targets.size;
  }

  /** Lets `replay` begin when its turn comes: within this call, if nothing is in its way. */
  add(replay: Replayable): void {
    let target = this.#targets.get(replay.target);
    if (target === undefined) {
      target = new PacedTarget(replay.target, this.#turns, this.#targets, this.#onFault);
      this.#targets.set(replay.target, target);
    }
    target.waiting.add(replay);
    target.pump();
  }

  /** Lets `replay` wait no longer; harmless when it does not. */
  cancel(replay: Replayable): void {
    const target = this.#targets.get(replay.target);
    if (target?.waiting.delete(replay)) target.pump();
  }

  /** A replay that has just begun takes no place at its target: the request of another one serves it. Called within `startReplay`. */
  shared(name: string): void {
    this.#targets.get(name)?.share();
  }

  /** A replay that had begun has left its target. */
  done(name: string): void {
    const target = this.#targets.get(name);
    if (target === undefined) return;
    target.active--;
    target.pump();
  }
}

/** The replays of one target. It is there while any is under way or waiting. */
class PacedTarget implements AtTurnEnd {
  /** Each held request once, in the order of asking. There are at most as many as there are held requests. */
  readonly waiting = new Set<Replayable>();
  active = 0;
  readonly #name: string;
  readonly #turns: TurnQueue;
  readonly #targets: Map<string, PacedTarget>;
  readonly #onFault: (thrown: unknown) => void;
  /** Replays that began in this turn of the event loop: those that end at once must not let thousands begin in one turn. */
  #begun = 0;
  /** Those that share the request of another one. */
  #shared = 0;
  /** Whether `onTurnEnd` is going to be called. */
  #scheduled = false;
  #pumping = false;

  constructor(name: string, turns: TurnQueue, targets: Map<string, PacedTarget>, onFault: (thrown: unknown) => void) {
    this.#name = name;
    this.#turns = turns;
    this.#targets = targets;
    this.#onFault = onFault;
  }

  pump(): void {
    // A replay may have its outcome before the call that begins it returns: the loop that made the call continues.
    if (this.#pumping) return;
    this.#pumping = true;
    for (const replay of this.waiting) {
      if (this.active >= REPLAYS_AT_ONCE || this.#begun >= REPLAYS_AT_ONCE || this.#shared >= SHARED_AT_ONCE) break;
      this.waiting.delete(replay);
      this.active++;
      this.#begun++;
      if (!this.#scheduled) this.#turns.add(this);
      this.#scheduled = true;
      try {
        replay.startReplay();
      } catch (thrown) {
        fault(replay, thrown);
      }
    }
    this.#pumping = false;
    if (this.active === 0 && this.waiting.size === 0 && !this.#scheduled) this.#targets.delete(this.#name);
  }

  onTurnEnd(): void {
    this.#begun = 0;
    this.#shared = 0;
    this.#scheduled = false;
    this.pump();
  }

  share(): void {
    this.active--;
    this.#begun--;
    this.#shared++;
  }

  onFault(thrown: unknown): void {
    this.#pumping = false;
    this.#onFault(thrown);
  }
}
