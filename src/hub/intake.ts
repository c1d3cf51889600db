import { type AtTurnEnd, fault, type Guarded, type TurnQueue } from '../clock/index.ts';

/**
 * Bytes of items that were accepted and are not delivered yet, each charged at least 256: bodies, and what names, ids, header fields and
 * patches take in memory. While there are more, publishers wait. The items of one request may exceed it.
 * @bound hub-undelivered-items
 */
export const MAX_UNDELIVERED = 8_388_608;

/** Bytes of publish requests that are taken in one turn of the event loop. A single larger request is taken alone. */
export const TURN_BYTES = 262_144;

/** A publisher that wants its items taken. */
export interface Publication extends Guarded {
  /** Size of the request that holds the items. */
  readonly bytes: number;
  /**
   * It is its turn: it gives its items, if any, to the hub within the call, and returns true. If it returns false it has more to do before, and
   * is called again in the next turn of the event loop, before any other.
   */
  onTurn(): boolean;
  /** Nothing may be published before the broker of the cluster is back, and that may take long. Returns whether it has given up: it gets no turn then. Default: it waits. */
  onAway?(): boolean;
}

/** Lets publishers have their turn, in order of asking, as the hub keeps up with delivering. */
export class Intake implements AtTurnEnd {
  readonly #turns: TurnQueue;
  readonly #undelivered: () => number;
  readonly #onFault: (thrown: unknown) => void;
  readonly #onIdle: () => void;
  readonly #waiting = new Set<Publication>();
  /** The publisher whose turn continues. */
  #current: Publication | null = null;
  /** Bytes taken in this turn of the event loop. */
  #taken = 0;
  /** Publishers wait, however little is to be delivered. */
  #held = false;

  /**
   * @param undelivered tells how many bytes of items wait to be delivered
   * @param onIdle is called at the end of a turn, and when a publisher has left, if no publisher waits any more
   */
  constructor(
    turns: TurnQueue,
    undelivered: () => number,
    onFault: (thrown: unknown) => void,
    onIdle: () => void = () => undefined,
  ) {
    this.#turns = turns;
    this.#undelivered = undelivered;
    this.#onFault = onFault;
    this.#onIdle = onIdle;
  }

  /** Publishers that wait. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Whether no publisher waits, and none has more to do in its turn. */
  get idle(): boolean {
    return this.#waiting.size === 0 && this.#current === null;
  }

  /** Calls `publication.onTurn` when its turn comes: within this call, if nothing is in its way. */
  request(publication: Publication): void {
    if (this.#waiting.size === 0 && this.#mayTake(publication)) this.#take(publication);
    else this.#waiting.add(publication);
  }

  /** The publisher has left. Harmless when it does not wait. */
  cancel(publication: Publication): void {
    this.#waiting.delete(publication);
    if (this.#current === publication) this.#current = null;
    if (this.idle) this.#onIdle();
  }

  /** Publishers wait from now on, until `release`: it is not known yet who takes what they publish. */
  hold(): void {
    this.#held = true;
  }

  /** Publishers that wait get their turn again. Harmless when they are not held. */
  release(): void {
    this.#held = false;
    this.pump();
  }

  /** Nothing may be published before the broker of the cluster is back: publishers that wait are told, and those that give up wait no longer. */
  tellAway(): void {
    for (const publication of this.#waiting) {
      try {
        if (publication.onAway?.() === true) this.cancel(publication);
      } catch (thrown) {
        fault(publication, thrown);
      }
    }
  }

  /** Items have been delivered. */
  pump(): void {
    for (const publication of this.#waiting) {
      if (!this.#mayTake(publication)) return;
      this.#waiting.delete(publication);
      this.#takeGuarded(publication);
    }
  }

  onTurnEnd(): void {
    this.#taken = 0;
    if (this.#current !== null) this.#takeGuarded(this.#current);
    this.pump();
    if (this.idle) this.#onIdle();
  }

  onFault(thrown: unknown): void {
    this.#onFault(thrown);
  }

  #mayTake({ bytes }: Publication): boolean {
    if (this.#current !== null || this.#held) return false;
    return this.#undelivered() < MAX_UNDELIVERED && (this.#taken === 0 || this.#taken + bytes <= TURN_BYTES);
  }

  #takeGuarded(publication: Publication): void {
    try {
      this.#take(publication);
    } catch (thrown) {
      fault(publication, thrown);
    }
  }

  #take(publication: Publication): void {
    if (this.#taken === 0) this.#turns.add(this);
    // Counted even if it is empty, so that the end of the turn is asked for once.
    this.#taken += publication.bytes + 1;
    // During the call, too: its items may be stored at once, and make room for others, but none comes between its turns.
    this.#current = publication;
    let isDone = true;
    try {
      isDone = publication.onTurn();
    } finally {
      // Unless it has left meanwhile.
      if (isDone && this.#current === publication) this.#current = null;
    }
  }
}
