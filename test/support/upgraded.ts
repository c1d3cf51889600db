import { readFileSync } from 'node:fs';
import type { TestContext } from 'node:test';
import type { LogRecord, Program } from './program.ts';

/** A server that is replaced by other processes, which share its output. */
export class Upgraded {
  readonly program: Program;
  /** The main process. */
  pid: number;
  readonly #pids = new Set<number>();

  constructor(t: TestContext, program: Program) {
    this.program = program;
    this.pid = program.pid;
    t.after(() => {
      for (const pid of this.#started) if (isRunning(pid)) process.kill(pid, 'SIGKILL');
    });
  }

  /** Asks for an upgrade, and waits until the new process has taken over. Returns its id. */
  async upgrade(): Promise<number> {
    process.kill(this.pid, 'SIGUSR2');
    const { pid } = await this.#next('upgrade: new process has taken over');
    this.pid = pid as number;
    return this.pid;
  }

  /** The next new process that is started. */
  async started(): Promise<number> {
    return (await this.#next('upgrade: new process started')).pid as number;
  }

  /** Waits until the main process knows that the one which it has replaced has ended. */
  async gone(pid: number): Promise<void> {
    await this.program.logged('upgrade: old process has ended', (record) => record.pid === pid);
  }

  /** Stops the main process, and waits for the end of all. */
  async stop(): Promise<void> {
    process.kill(this.pid, 'SIGTERM');
    await this.program.ended;
  }

  /** The record of a process that no earlier call has returned. */
  async #next(message: string): Promise<LogRecord> {
    const seen = this.#pids;
    const key = (pid: unknown): number => (pid as number) + (message.length << 24);
    const record = await this.program.logged(message, ({ pid }) => !seen.has(key(pid)));
    seen.add(key(record.pid));
    return record;
  }

  get #started(): readonly number[] {
    const records = this.program.log().filter(({ msg }) => msg === 'upgrade: new process started');
    return records.map(({ pid }) => pid as number);
  }
}

/** Whether a process runs; one that has ended and that nobody has waited for does not. */
export function isRunning(pid: number): boolean {
  try {
    return !/^State:\s*Z/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'));
  } catch {
    return false;
  }
}
