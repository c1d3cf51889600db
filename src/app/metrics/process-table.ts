import { ErrorCounts, errorCounts } from '../../exchange/index.ts';
import { ProcessMonitor, type ProcessReport } from './process-monitor.ts';

/** The name of the process that workers belong to. */
const MAIN = 'main';

/** What this process and its workers say of themselves. */
export class ProcessTable {
  readonly #monitor = new ProcessMonitor();
  readonly #workers = new Map<string, ProcessReport>();
  /** Failures of processes that have ended: sums never go down. */
  readonly #ended = new ErrorCounts();

  start(): void {
    this.#monitor.start();
  }

  stop(): void {
    this.#monitor.stop();
  }

  /** Takes what a worker says. @param name its place, such as `proxy-1`: the one that replaces it has the same */
  report(name: string, report: ProcessReport): void {
    this.#workers.set(name, report);
  }

  /** The worker in this place has ended. */
  end(name: string): void {
    this.#ended.add(this.#workers.get(name)?.errors ?? []);
    this.#workers.delete(name);
  }

  /** What this process says of itself. */
  get own(): ProcessReport {
    return this.#monitor.report;
  }

  /** All processes that run, this one first. */
  all(): readonly (readonly [string, ProcessReport])[] {
    return [[MAIN, this.own], ...[...this.#workers].sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }))];
  }

  /** Failures of all processes, by code. */
  get errors(): ErrorCounts {
    const sum = new ErrorCounts();
    for (const counts of [this.#ended.entries(), errorCounts.entries()]) sum.add(counts);
    for (const { errors } of this.#workers.values()) sum.add(errors);
    return sum;
  }
}
