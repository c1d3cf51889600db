/** Text that is kept at the most. */
const MAX_LENGTH = 65_536;

/** Milliseconds that a line is kept for. */
const DELAY = 10;

/**
 * Collects the lines of a moment and writes them as one, at the end of the process at the latest: under load a write for each costs more
 * than what the lines are about, and even a single one holds up the answer to the next request.
 */
export class LineBatch {
  readonly #output: (lines: string) => void;
  #lines = '';

  constructor(output: (lines: string) => void) {
    this.#output = output;
    process.on('exit', this.#flush);
  }

  write(line: string): void {
    if (this.#lines === '') setTimeout(this.#flush, DELAY);
    this.#lines += line;
    if (this.#lines.length > MAX_LENGTH) this.#flush();
  }

  readonly #flush = (): void => {
    const lines = this.#lines;
    if (lines === '') return;
    this.#lines = '';
    this.#output(lines);
  };
}
