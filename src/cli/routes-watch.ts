import { unwatchFile, watchFile } from 'node:fs';
import { whenSettled } from './when-settled.ts';

/** Milliseconds between two looks at the file. */
const WATCH_INTERVAL = 1_000;

/** Looks at one file, which may become another one. */
export class RoutesWatch {
  readonly #onChange: () => void;
  #file = '';
  readonly #look = (now: { readonly mtimeMs: number }): void => {
    const file = this.#file;
    if (now.mtimeMs > 0) whenSettled(file, this.#onChange);
  };

  /** @param onChange called about a second after the file was written or replaced. While it is missing, nothing happens. */
  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  /** @param file empty for none */
  watch(file: string): void {
    if (this.#file !== '') unwatchFile(this.#file, this.#look);
    this.#file = file;
    // A watch of the system would lose a file that is replaced by another one.
    if (file !== '') watchFile(file, { interval: WATCH_INTERVAL, persistent: false }, this.#look);
  }
}
