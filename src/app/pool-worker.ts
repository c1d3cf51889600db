import type { ChildProcess, SendHandle } from 'node:child_process';
import type { CounterSnapshot } from '../exchange/index.ts';
import type { ClientQuestion } from './client-view.ts';
import type { ChangeableWorker } from './pool-changes.ts';
import { UnsentMessages } from './unsent-messages.ts';
import type { SocketHandle } from './upgrade/upgrade-channel.ts';
import type { WorkerJob, WorkerOrder } from './worker-messages.ts';

/** Milliseconds that a process has to answer a question. */
const ANSWER_TIME = 5_000;

/** One process of a pool, as the main process knows it. */
export class PoolWorker<Job extends WorkerJob> implements ChangeableWorker {
  readonly place: number;
  readonly job: Job;
  /** Distinguishes it from all others, also from those that were in its place before. */
  readonly number: number;
  readonly process: ChildProcess;
  /** Those who wait for an answer, by the numbers of their questions. */
  readonly #asking = new Map<number, (value: unknown) => void>();
  #asked = 0;
  readonly #unsent = new UnsentMessages();
  /** What it reported last. */
  counters: CounterSnapshot = {};
  /** When it began to listen, by `performance.now`; null before that. */
  servingSince: number | null = null;
  startTimer: NodeJS.Timeout | undefined;
  /** Settle the start. */
  onListening: (addresses: readonly string[]) => void = () => {};
  onFailed: (error: Error) => void = () => {};
  /** The number of the change that it begins with. */
  readonly generation: number;

  constructor(place: number, job: Job, number: number, process: ChildProcess, generation: number) {
    this.place = place;
    this.job = job;
    this.number = number;
    this.process = process;
    this.generation = generation;
  }

  get pid(): number | undefined {
    return this.process.pid;
  }

  kill(): void {
    this.process.kill('SIGKILL');
  }

  /** Names its place in the metrics: the process that replaces it has the same name. */
  get placeName(): string {
    return `${this.job.role}-${this.place + 1}`;
  }

  /** Names it in the registry. */
  get name(): string {
    return `worker ${this.number}`;
  }

  /** Asks about its clients. Resolves with null where it does not answer in time. */
  ask(question: ClientQuestion): Promise<unknown> {
    const number = ++this.#asked;
    return new Promise((resolve) => {
      this.#asking.set(number, resolve);
      setTimeout(() => this.answered(number, null), ANSWER_TIME).unref();
      this.order({ order: 'ask', number, question });
    });
  }

  /** The process has answered. */
  answered(number: number, value: unknown): void {
    const resolve = this.#asking.get(number);
    this.#asking.delete(number);
    resolve?.(value);
  }

  /** @param onSent is called when the order has left, or cannot leave */
  order(message: WorkerOrder, handle?: SocketHandle, onSent: () => void = () => {}): void {
    // A process that is just ending cannot be told any more.
    if (!this.process.connected) onSent();
    else this.process.send(message, handle as SendHandle | undefined, {}, this.#unsent.add(onSent));
  }

  /** The process has ended. */
  end(): void {
    for (const number of [...this.#asking.keys()]) this.answered(number, null);
    this.#unsent.fail();
  }
}
