/** Characters of text that are kept at most. */
const MAX_LENGTH = 65_536;

/** Milliseconds for which a line is kept. */
const DELAY = 10;

/**
 * Collects the lines of a moment and writes them together, at the end of the process at the latest. Under load one write for each line costs
 * more than the work that the lines are about.
 */
export class LineBatch {
  readonly #output: (lines: string) => void;
  #lines = '';

  constructor(output: (lines: string) => void) {
    this.#output = output;
    process.on('exit', this.flush);
  }

  write(line: string): void {
    if (this.#lines === '') setTimeout(this.flush, DELAY);
    this.#lines += line;
    if (this.#lines.length > MAX_LENGTH) this.flush();
  }

  /** Writes what waits, for the last time. */
  end(): void {
    this.flush();
    process.off('exit', this.flush);
  }

  /** Writes what waits. */
  readonly flush = (): void => {
    const lines = this.#lines;
    if (lines === '') return;
    this.#lines = '';
    this.#output(lines);
  };
}
