/** Entries that are kept at most. */
const MAX_ENTRIES = 64;

/** Bytes that are written at a time, except for a longer line. */
const CAPACITY = 32_768;

/** Milliseconds for which an entry is kept. */
const DELAY = 10;

/**
 * Collects what is to be logged for a moment, and writes the lines of all of it together, at the end of the process at the latest. Under load one write for
 * each line costs more than the work that the lines are about; and to make many lines at once costs less.
 */
export class LineBatch<Entry = string> {
  readonly #output: (lines: Buffer) => void;
  readonly #lineOf: (entry: Entry) => string;
  readonly #encoding: 'latin1' | 'utf8';
  readonly #bytes = Buffer.allocUnsafeSlow(CAPACITY);
  #entries: Entry[] = [];
  #timed = false;

  /**
   * @param output takes whole lines, and does not keep the bytes
   * @param lineOf gives the line of an entry, with its line feed
   */
  constructor(output: (lines: Buffer) => void, lineOf: (entry: Entry) => string, encoding: 'latin1' | 'utf8' = 'utf8') {
    this.#output = output;
    this.#lineOf = lineOf;
    this.#encoding = encoding;
    process.on('exit', this.flush);
  }

  write(entry: Entry): void {
    if (this.#entries.push(entry) >= MAX_ENTRIES) {
      this.flush();
    } else if (!this.#timed) {
      this.#timed = true;
      setTimeout(this.#onTime, DELAY);
    }
  }

  /** Writes what waits, for the last time. */
  end(): void {
    this.flush();
    process.off('exit', this.flush);
  }

  readonly #onTime = (): void => {
    this.#timed = false;
    this.flush();
  };

  /** Writes what waits. */
  readonly flush = (): void => {
    const entries = this.#entries;
    if (entries.length === 0) return;
    this.#entries = [];
    const bytes = this.#bytes;
    const encoding = this.#encoding;
    let length = 0;
    for (let i = 0; i < entries.length; i++) {
      const line = this.#lineOf(entries[i] as Entry);
      // A character has three bytes of UTF-8 at most.
      if (length + line.length * 3 > CAPACITY) {
        if (length > 0) this.#output(bytes.subarray(0, length));
        length = 0;
      }
      if (line.length * 3 > CAPACITY) this.#output(Buffer.from(line, encoding));
      else length += bytes.write(line, length, encoding);
    }
    if (length > 0) this.#output(bytes.subarray(0, length));
  };
}
