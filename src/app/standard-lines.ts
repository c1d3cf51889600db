import { fstatSync } from 'node:fs';
import type { Log } from '../exchange/index.ts';
import { BoundedOutput } from './bounded-output.ts';
import { LineBatch } from './line-batch.ts';

/** What the journal takes for the level `info` at the beginning of a line (sd-daemon(3)). */
const INFO = '<6>';

/** The lines of an access log on standard output, where those of the log are too. */
export class StandardLines {
  readonly #batch: LineBatch;
  readonly #prefix: string;

  /**
   * @param forJournal whether each line begins with its priority, if standard output is the journal
   * @param onLost counts lines that were lost because the output was not read
   */
  constructor(forJournal: boolean, onLost: (lines: number) => void, log: Log) {
    const output = new BoundedOutput(process.stdout, onLost, (lost) =>
      log.warn({ lost }, 'lines of the access log were lost because the output was not read'),
    );
    this.#batch = new LineBatch((lines) => output.write(lines));
    this.#prefix = forJournal && isJournal(process.env.JOURNAL_STREAM) ? INFO : '';
  }

  write(line: string): void {
    this.#batch.write(this.#prefix === '' ? line : this.#prefix + line);
  }

  reopen(): boolean {
    return true;
  }

  close(): void {
    this.#batch.end();
  }
}

/** Whether standard output is the journal: then `JOURNAL_STREAM` names its device and inode (systemd.exec(5)). */
function isJournal(stream: string | undefined): boolean {
  if (stream === undefined) return false;
  try {
    const { dev, ino } = fstatSync(1);
    return stream === `${dev}:${ino}`;
  } catch {
    return false;
  }
}
