import type { AtTurnEnd, TurnQueue } from '../clock/index.ts';
import { LEAST_COST } from '../exchange/index.ts';

/** Messages that are passed in one turn: a list of empty ones may be long. */
const SLICE = 64;

interface Waiting {
  readonly data: Buffer;
  /** What it stands for: it comes back when the message has passed. */
  readonly owed: number;
}

/** Passes text messages one after the other, as the receiver's credits allow, and a close after them. */
export abstract class TextQueue implements AtTurnEnd {
  /** What the waiting messages cost: their bytes, and at least `LEAST_COST` for each. */
  cost = 0;
  #credits = 0;
  #paused = false;
  #waiting: Waiting[] = [];
  /** Index of the first one that has not passed. */
  #next = 0;
  /** Bytes of it that have. */
  #offset = 0;
  #close: { readonly code: number; readonly reason: string } | null = null;
  #passing = false;
  #resting = false;
  #over = false;
  readonly #turn: TurnQueue;

  constructor(turn: TurnQueue) {
    this.#turn = turn;
  }

  protected abstract pass(chunk: Buffer, more: boolean): void;

  protected abstract passClose(code: number, reason: string): void;

  /** A whole message has passed. */
  protected abstract passed(owed: number): void;

  /** What waits costs so much more, or less. */
  protected abstract charged(cost: number): void;

  abstract onFault(thrown: unknown): void;

  /** How many messages wait. */
  get length(): number {
    return this.#waiting.length - this.#next;
  }

  add(data: Buffer, owed = data.length): void {
    this.addAll([data], owed);
  }

  /** @param owed what they stand for together */
  addAll(messages: readonly Buffer[], owed = 0): void {
    if (this.#over || this.#close !== null) return;
    const before = this.cost;
    for (let i = 0; i < messages.length; i++) {
      const data = messages[i] as Buffer;
      this.cost += Math.max(LEAST_COST, data.length);
      this.#waiting.push({ data, owed: i === messages.length - 1 ? owed : 0 });
    }
    if (this.cost > before) this.charged(this.cost - before);
    this.#pump();
  }

  close(code: number, reason: string): void {
    if (this.#close !== null) return;
    this.#close = { code, reason };
    this.#pump();
  }

  credit(bytes: number): void {
    this.#credits += bytes;
    this.#pump();
  }

  /** Takes bytes of the credits for something else; false, and none, if there are not so many or a message is on its way. */
  spend(bytes: number): boolean {
    if (this.#over || this.#close !== null || this.#offset > 0 || this.#credits < bytes) return false;
    this.#credits -= bytes;
    return true;
  }

  pause(paused: boolean): void {
    this.#paused = paused;
    if (!paused) this.#pump();
  }

  /** Drops what waits. Nothing passes after this. */
  end(): void {
    this.#over = true;
    this.#waiting = [];
    this.#next = 0;
    if (this.cost > 0) this.charged(-this.cost);
    this.cost = 0;
  }

  onTurnEnd(): void {
    this.#resting = false;
    this.#pump();
  }

  #pump(): void {
    if (this.#passing || this.#resting) return;
    this.#passing = true;
    try {
      for (let passed = 0; !this.#over && !this.#paused && this.length > 0 && this.#passNext(); passed++) {
        if (passed < SLICE) continue;
        this.#resting = true;
        this.#turn.add(this);
        break;
      }
    } finally {
      this.#passing = false;
    }
    if (this.#over || this.#close === null || this.length > 0) return;
    this.#over = true;
    this.passClose(this.#close.code, this.#close.reason);
  }

  /** Passes the next message, or a piece of it. False if there are no credits. */
  #passNext(): boolean {
    const { data, owed } = this.#waiting[this.#next] as Waiting;
    const left = data.length - this.#offset;
    const bytes = Math.min(left, this.#credits);
    if (bytes === 0 && left > 0) return false;
    const chunk = data.subarray(this.#offset, this.#offset + bytes);
    this.#credits -= bytes;
    if (bytes < left) {
      this.#offset += bytes;
      this.pass(chunk, true);
      return true;
    }
    this.#offset = 0;
    this.#next++;
    const cost = Math.max(LEAST_COST, data.length);
    this.cost -= cost;
    this.charged(-cost);
    if (this.#next === this.#waiting.length || this.#next > 1_024) {
      this.#waiting = this.#waiting.slice(this.#next);
      this.#next = 0;
    }
    this.pass(chunk, false);
    if (!this.#over) this.passed(owed);
    return true;
  }
}
