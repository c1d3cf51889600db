/** Entries that are kept until their lines are made: fewer cost more each, and what lives longer costs the garbage collector. */
const MAX_ENTRIES = 16;

/** Bytes of lines that are kept, and are written at a time, except for a longer line. */
const CAPACITY = 32_768;

/** Milliseconds for which anything is kept. */
const DELAY = 10;

/**
 * Collects what is to be logged for a moment, and writes the lines of all of it together, at the end of the process at the latest. Under load one write for
 * each line costs more than the work that the lines are about; and to make some lines at once costs less.
 */
export class LineBatch<Entry = string> {
  readonly #output: (lines: Buffer) => void;
  readonly #lineOf: (entry: Entry) => string;
  readonly #encoding: 'latin1' | 'utf8';
  #entries: Entry[] = [];
  readonly #bytes = Buffer.allocUnsafeSlow(CAPACITY);
  #length = 0;
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
    if (this.#entries.push(entry) >= MAX_ENTRIES) this.#makeLines();
    if (this.#timed) return;
    this.#timed = true;
    setTimeout(this.#onTime, DELAY);
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
    this.#makeLines();
    this.#writeLines();
  };

  #makeLines(): void {
    const entries = this.#entries;
    this.#entries = [];
    for (let i = 0; i < entries.length; i++) this.#add(this.#lineOf(entries[i] as Entry));
  }

  #add(line: string): void {
    // A character has three bytes of UTF-8 at most.
    const most = line.length * 3;
    if (this.#length + most > CAPACITY) this.#writeLines();
    if (most > CAPACITY) this.#output(Buffer.from(line, this.#encoding));
    else this.#length += this.#bytes.write(line, this.#length, this.#encoding);
  }

  #writeLines(): void {
    const length = this.#length;
    this.#length = 0;
    if (length > 0) this.#output(this.#bytes.subarray(0, length));
  }
}
