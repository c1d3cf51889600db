import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { pause } from './chaos.ts';

/** What the operating system tells about a process; only Linux does. */
export class ProcessUsage {
  readonly #folder: string;

  constructor(pid: number) {
    this.#folder = `/proc/${pid}`;
  }

  get known(): boolean {
    return existsSync(`${this.#folder}/fd`);
  }

  /** What each of its file descriptors is. */
  descriptors(): string[] {
    return readdirSync(`${this.#folder}/fd`).flatMap((name) => {
      try {
        return [readlinkSync(`${this.#folder}/fd/${name}`)];
      } catch {
        // Closed since the folder was read.
        return [];
      }
    });
  }

  /** Megabytes of memory that it has in use. */
  memory(): number {
    const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`${this.#folder}/status`, 'latin1')) ?? [];
    return Number(kilobytes) / 1_024;
  }
}

/**
 * Resolves when `test` holds; what it looks at has no events. Gives up after 70 seconds: of a client that closed first its sending
 * side and then all, the kernel learns only after a minute that it is gone.
 */
export async function eventually(test: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 700 && !(await test()); i++) await pause(100);
}
