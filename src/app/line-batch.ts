/** Text that is kept until the end of the turn at most. */
const MAX_LENGTH = 65_536;

/**
 * Collects the lines of one turn of the event loop and writes them at its end, or at that of the process, as one: under load a write for
 * each costs more than what the lines are about.
 */
export class LineBatch {
  readonly #output: (lines: string) => void;
  #lines = '';

  constructor(output: (lines: string) => void) {
    this.#output = output;
    process.on('exit', this.#flush);
  }

  write(line: string): void {
    if (this.#lines === '') setImmediate(this.#flush);
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
