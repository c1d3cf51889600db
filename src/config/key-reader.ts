import { systemErrorText } from '../exchange/index.ts';
import type { PathIssue } from './config-error.ts';
import { resolveKey } from './resolve-key.ts';

/** Makes what the keys of a configuration are for, and collects what is wrong with them, so that all of it is reported at once. */
export class KeyReader {
  /** What was wrong so far. It never quotes a key. */
  readonly issues: PathIssue[] = [];
  readonly #readFile: (path: string) => string;

  /** @param readFile reads the text of a key file */
  constructor(readFile: (path: string) => string) {
    this.#readFile = readFile;
  }

  /**
   * The result of `make` for the key that `text` stands for. Null for no key, and if the key cannot be read or `make` throws, which becomes an
   * issue.
   * @param path of the option
   */
  make<T>(path: readonly PropertyKey[], text: string, make: (key: Buffer | string) => T): T | null {
    return this.attempt(path, () => {
      const key = resolveKey(text, this.#readFile);
      return key === null ? null : make(key);
    });
  }

  /** The result of `make`; null if it throws, which becomes an issue. */
  attempt<T>(path: readonly PropertyKey[], make: () => T): T | null {
    try {
      return make();
    } catch (error) {
      this.issues.push({ path, message: error instanceof Error ? error.message : String(error) });
      return null;
    }
  }

  /**
   * The text of the file of a certificate or key.
   * @throws Error when it cannot be read
   */
  read(path: string): string {
    try {
      return this.#readFile(path);
    } catch (error) {
      throw new Error(`cannot read ${path}: ${systemErrorText(error)}`);
    }
  }
}
