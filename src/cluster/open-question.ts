import { type Guarded, WheelTimer } from '../clock/index.ts';

/** What other nodes have answered. */
export interface NodeAnswers<Value = unknown> {
  readonly values: readonly Value[];
  /** Names of the nodes that have not. */
  readonly missing: readonly string[];
}

/** A question to other nodes, until all have answered or its time is over. */
export class OpenQuestion extends WheelTimer {
  readonly number: number;
  readonly about: string;
  /** Bytes of the answers so far. */
  bytes = 0;
  readonly #waited = new Map<string, string>();
  readonly #values: unknown[] = [];
  readonly #missing: string[] = [];
  readonly #read: (value: unknown) => unknown;
  readonly #onTime: (question: OpenQuestion) => void;
  readonly #done: (answers: NodeAnswers) => void;
  readonly #owner: Guarded;

  /**
   * @param number of the question, at the node that asks
   * @param read makes of an answer what is reported; null where it is not understood
   * @param onTime is called when its time is over
   * @param done takes the answers
   */
  constructor(
    number: number,
    about: string,
    calls: {
      readonly read: (value: unknown) => unknown;
      readonly onTime: (question: OpenQuestion) => void;
      readonly done: (answers: NodeAnswers) => void;
      readonly owner: Guarded;
    },
  ) {
    super();
    this.number = number;
    this.about = about;
    this.#read = calls.read;
    this.#onTime = calls.onTime;
    this.#done = calls.done;
    this.#owner = calls.owner;
  }

  /** Names of those that are waited for. */
  get waited(): readonly string[] {
    return [...this.#waited.values()];
  }

  /** A node is asked. */
  wait(id: string, name: string): void {
    this.#waited.set(id, name);
  }

  /** A node is not asked. */
  miss(name: string): void {
    this.#missing.push(name);
  }

  /** Whether a node is waited for. */
  waitsFor(id: string): boolean {
    return this.#waited.has(id);
  }

  /** A node that is waited for has answered. Returns whether that is understood. */
  answer(id: string, value: unknown): boolean {
    const read = this.#read(value) ?? null;
    if (read === null) return false;
    this.#waited.delete(id);
    this.#values.push(read);
    return true;
  }

  /** A node does not answer. Returns its name; null if it was not waited for. */
  giveUp(id: string): string | null {
    const name = this.#waited.get(id);
    if (name === undefined) return null;
    this.#waited.delete(id);
    this.#missing.push(name);
    return name;
  }

  /** Reports the answers that have come. */
  finish(): void {
    this.#done({ values: this.#values, missing: [...this.#missing, ...this.#waited.values()] });
  }

  override onTimer(): void {
    this.#onTime(this);
  }

  override onFault(thrown: unknown): void {
    this.#owner.onFault(thrown);
  }
}
