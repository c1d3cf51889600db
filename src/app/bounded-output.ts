import type { Writable } from 'node:stream';
import { lineCount } from './log-file.ts';

/**
 * Bytes of log that wait for a slow reader of standard output. What comes beyond is dropped until all of it has been read.
 * @bound log-output
 */
export const MAX_WAITING = 1_048_576;

/** What the log counts of itself. */
export class LogCounters {
  /** Lines that were dropped because the output was not read, or could not be written. */
  linesDropped = 0;
}

/**
 * An output for log lines that never blocks, and holds a bounded number of bytes: its reader may stop, and the clients must not suffer
 * for it.
 */
export class BoundedOutput {
  readonly #stream: Writable;
  readonly #onDropped: (lines: number) => void;
  #dropped = 0;

  /**
   * @param stream takes the lines as they come, and says when it has none left
   * @param onDropped counts lines that are dropped
   * @param onCaughtUp is called when the output has been read again, with the number of lines that were dropped meanwhile
   */
  constructor(stream: Writable, onDropped: (lines: number) => void, onCaughtUp: (dropped: number) => void) {
    this.#stream = stream;
    this.#onDropped = onDropped;
    stream.on('drain', () => {
      const dropped = this.#dropped;
      if (dropped === 0) return;
      this.#dropped = 0;
      onCaughtUp(dropped);
    });
  }

  /** @param lines whole lines, each with its line end */
  write(lines: string): void {
    const { writableLength } = this.#stream;
    // A line larger than the bound passes when nothing waits.
    const fits = writableLength === 0 || writableLength + Buffer.byteLength(lines) <= MAX_WAITING;
    if (this.#dropped === 0 && fits) {
      this.#stream.write(lines);
      return;
    }
    const count = lineCount(lines);
    this.#dropped += count;
    this.#onDropped(count);
  }
}
