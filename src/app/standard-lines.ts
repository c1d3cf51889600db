import { fstatSync } from 'node:fs';
import type { Log } from '../exchange/index.ts';
import { BoundedOutput } from './bounded-output.ts';
import { LineBatch } from './line-batch.ts';

/** What the journal takes for the level `info` at the beginning of a line (sd-daemon(3)). */
const INFO = '<6>';

/** The lines of an access log on standard output, where those of the log are too. */
export class StandardLines<Entry> {
  readonly #batch: LineBatch<Entry>;

  /**
   * @param lineOf gives the line of an entry
   * @param forJournal whether each line begins with its priority, if standard output is the journal
   * @param onLost counts lines that were lost because the output was not read
   */
  constructor(lineOf: (entry: Entry) => string, forJournal: boolean, onLost: (lines: number) => void, log: Log) {
    const output = new BoundedOutput(process.stdout, onLost, (lost) =>
      log.warn({ lost }, 'lines of the access log were lost because the output was not read'),
    );
    const withPriority = forJournal && isJournal(process.env.JOURNAL_STREAM);
    this.#batch = new LineBatch<Entry>(
      (lines) => output.write(lines.toString()),
      withPriority ? (entry) => INFO + lineOf(entry) : lineOf,
    );
  }

  write(entry: Entry): void {
    this.#batch.write(entry);
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
