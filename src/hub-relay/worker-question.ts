import { WheelTimer } from '../clock/index.ts';
import type { WorkerHub } from './worker-hub.ts';

/**
 * Milliseconds that workers have to answer. Without its answer a worker counts as one that has no such client, and it is asked nothing more until
 * it says something.
 */
export const ANSWER_TIME = 5_000;

/** A question to several workers, until all have answered. */
export class WorkerQuestion extends WheelTimer {
  readonly #missing: Set<WorkerHub>;
  readonly #values: unknown[] = [];
  readonly #done: (values: readonly unknown[]) => void;
  readonly #onFault: (thrown: unknown) => void;

  /**
   * @param done is called with the answers, in the order in which they came
   * @param onFault handles an exception of `done`
   */
  constructor(
    workers: Iterable<WorkerHub>,
    done: (values: readonly unknown[]) => void,
    onFault: (thrown: unknown) => void,
  ) {
    super();
    this.#missing = new Set(workers);
    this.#done = done;
    this.#onFault = onFault;
  }

  /** Whether nobody is waited for. */
  get complete(): boolean {
    return this.#missing.size === 0;
  }

  /** A worker has answered. */
  answer(worker: WorkerHub, value: unknown): void {
    if (this.#missing.delete(worker)) this.#values.push(value);
  }

  /** A worker does not answer. */
  forget(worker: WorkerHub): void {
    this.#missing.delete(worker);
  }

  /** Reports the answers that have come. */
  finish(): void {
    this.#done(this.#values);
  }

  override onTimer(): void {
    for (const worker of this.#missing) worker.silent = true;
    this.#missing.clear();
    this.finish();
  }

  override onFault(thrown: unknown): void {
    this.#onFault(thrown);
  }
}
