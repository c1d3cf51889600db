import { systemErrorText } from '../exchange/index.ts';
import { CliError } from './cli-error.ts';
import { readConfigText } from './read-config-text.ts';

/** A file of the configuration as it was read. */
export interface ReadFile {
  readonly file: string;
  readonly text: string;
  /** Differs whenever the file does. */
  readonly state: string;
}

/** Reads the files of a configuration, and remembers them. Those that are known already are not read again. */
export class ConfigTexts {
  readonly #files = new Map<string, ReadFile>();
  readonly #filled: string | null;

  /**
   * @param known files that are taken as they were read before
   * @param filled a file that must not be empty
   */
  constructor(known: readonly ReadFile[] = [], filled: string | null = null) {
    this.#filled = filled;
    for (const file of known) this.#files.set(file.file, file);
  }

  get files(): readonly ReadFile[] {
    return [...this.#files.values()];
  }

  /**
   * The text of a file.
   * @param what it is, for the error: `the configuration`
   * @throws CliError when it cannot be read
   */
  read(file: string, what: string): string {
    try {
      return this.#text(file);
    } catch (error) {
      throw new CliError(`cannot read ${what} ${file}: ${systemErrorText(error)}`);
    }
  }

  /**
   * As `read`; null where there is no such file.
   * @throws CliError when it cannot be read
   */
  readIfThere(file: string, what: string): string | null {
    try {
      return this.#text(file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw new CliError(`cannot read ${what} ${file}: ${systemErrorText(error)}`);
    }
  }

  #text(file: string): string {
    const known = this.#files.get(file);
    if (known !== undefined) return known.text;
    const read = { file, ...readConfigText(file, file === this.#filled) };
    this.#files.set(file, read);
    return read.text;
  }
}
