import type { Log } from '../exchange/index.ts';
import type { CertificateChange } from './certificates.ts';
import type { ChangeParts } from './change-parts.ts';
import type { Prepared } from './prepared.ts';
import type { WorkerOrder, WorkerReport } from './worker-messages.ts';

/** A worker process that can be told of changes. */
export interface ChangeableWorker {
  readonly pid: number | undefined;
  order(message: WorkerOrder): void;
  /** Ends it, so that it is replaced. */
  kill(): void;
}

/** Milliseconds after which a process that has not said that it is prepared is no longer waited for. */
const PATIENCE = 3_000;

/** The number of no change. */
const UNKNOWN = -1;

/** A change that all processes which answer are prepared for. */
export interface PreparedWorkers extends Prepared {
  /** Of one of the processes: all look at the same files. */
  readonly certificates: readonly CertificateChange[];
}

/** What a process is being told. */
interface Delivery {
  readonly parts: ChangeParts;
  /** Parts that it has been sent. */
  sent: number;
  /** Null where nobody waits: it is told what is in force. */
  readonly answered: ((answer: Answer) => void) | null;
  /** It did not answer in time. Whatever it says next is the sign that it goes on. */
  givenUp: boolean;
}

type Answer = WorkerReport & { report: 'prepared' };

/** A process, and what it knows. */
class Told {
  readonly worker: ChangeableWorker;
  /** The number of the change that it uses. */
  generation: number;
  delivery: Delivery | null = null;

  constructor(worker: ChangeableWorker, generation: number) {
    this.worker = worker;
    this.generation = generation;
  }
}

/**
 * Brings changes to the processes of a pool: all of them prepare a change, and then all use it, or none does. One part is on its way to a process at a
 * time, since it may be stopped. One that does not answer is not waited for: it is told what is in force as a whole when it goes on, as is one that has
 * just started. Where it cannot use that it ends, and is replaced.
 */
export class PoolChanges {
  readonly #workers = new Map<ChangeableWorker, Told>();
  readonly #whole: () => ChangeParts;
  readonly #log: Log;
  #generation = 0;

  /** @param whole what is in force */
  constructor(whole: () => ChangeParts, log: Log) {
    this.#whole = whole;
    this.#log = log;
  }

  /** The number of the change in force. Those that start now begin with it. */
  get generation(): number {
    return this.#generation;
  }

  /** A process takes part. @param generation that it has begun with */
  add(worker: ChangeableWorker, generation: number): void {
    const told = new Told(worker, generation);
    this.#workers.set(worker, told);
    this.#catchUp(told);
  }

  remove(worker: ChangeableWorker): void {
    const told = this.#workers.get(worker);
    this.#workers.delete(worker);
    // Whoever takes its place begins with what is in force then.
    told?.delivery?.answered?.({ report: 'prepared', problem: null, certificates: [] });
  }

  /** A process has taken a part, or has prepared all of them. */
  onReport(worker: ChangeableWorker, report: WorkerReport & { report: 'taken' | 'prepared' }): void {
    const told = this.#workers.get(worker);
    const delivery = told?.delivery;
    if (told === undefined || delivery === null || delivery === undefined) return;
    if (delivery.givenUp) {
      this.#end(told, 'discard');
      this.#catchUp(told);
    } else if (report.report === 'taken') this.#sendNext(told, delivery);
    else if (delivery.answered !== null) delivery.answered(report);
    else this.#onCaughtUp(told, report);
  }

  /**
   * Has all processes prepare a change.
   * @throws Error when one of them cannot use it; then none does
   */
  async prepare(parts: ChangeParts): Promise<PreparedWorkers> {
    const asked = [...this.#workers.values()].filter(({ delivery }) => delivery === null);
    const answers = await Promise.all(asked.map((told) => this.#ask(told, parts)));
    const ready = asked.filter((_, index) => answers[index] !== null);
    for (const [index, told] of asked.entries()) {
      if (answers[index] === null) this.#log.warn({ pid: told.worker.pid }, 'worker does not answer: it is told later');
    }
    const discard = (): void => {
      for (const told of ready) this.#end(told, 'discard');
    };
    const failed = answers.find((answer) => answer !== null && answer.problem !== null);
    if (failed) {
      discard();
      throw new Error(`a worker cannot use it: ${failed.problem}`);
    }
    return {
      certificates: answers.find((answer) => answer !== null)?.certificates ?? [],
      discard,
      commit: () => {
        this.#generation++;
        for (const told of ready) {
          told.generation = this.#generation;
          this.#end(told, 'commit');
        }
        // Those that have come meanwhile began with what was in force.
        for (const told of this.#workers.values()) this.#catchUp(told);
      },
    };
  }

  /** Resolves with null if the process does not answer in time. */
  #ask(told: Told, parts: ChangeParts): Promise<Answer | null> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        delivery.givenUp = true;
        told.generation = UNKNOWN;
        resolve(null);
      }, PATIENCE);
      const answered = (answer: Answer): void => {
        clearTimeout(timer);
        resolve(answer);
      };
      const delivery: Delivery = { parts, sent: 0, answered, givenUp: false };
      this.#begin(told, delivery);
    });
  }

  #begin(told: Told, delivery: Delivery): void {
    told.delivery = delivery;
    this.#sendNext(told, delivery);
  }

  #sendNext({ worker }: Told, delivery: Delivery): void {
    if (delivery.sent < delivery.parts.count)
      worker.order({ order: 'part', part: delivery.parts.part(delivery.sent++) });
    else worker.order({ order: 'prepare' });
  }

  #end(told: Told, order: 'commit' | 'discard'): void {
    told.delivery = null;
    told.worker.order({ order });
  }

  /** Tells a process what is in force, if it has something else and is told nothing now. */
  #catchUp(told: Told): void {
    if (told.generation === this.#generation || told.delivery !== null) return;
    told.generation = this.#generation;
    this.#begin(told, { parts: this.#whole(), sent: 0, answered: null, givenUp: false });
  }

  #onCaughtUp(told: Told, { problem }: Answer): void {
    const isCurrent = told.generation === this.#generation;
    if (isCurrent && problem !== null) {
      this.#log.error({ pid: told.worker.pid, reason: problem }, 'worker cannot use the configuration: it is replaced');
      told.worker.kill();
      return;
    }
    this.#end(told, isCurrent ? 'commit' : 'discard');
    this.#catchUp(told);
  }
}
