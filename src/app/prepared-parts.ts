import type { Prepared } from './prepared.ts';

/** Changes that come into force together. */
export class PreparedParts implements Prepared {
  readonly #parts: Prepared[] = [];

  /** Prepares a part. If it cannot be, those before it are discarded. */
  async add<T extends Prepared>(prepare: () => T | Promise<T>): Promise<T> {
    try {
      const part = await prepare();
      this.#parts.push(part);
      return part;
    } catch (error) {
      this.discard();
      throw error;
    }
  }

  commit(): void {
    for (const part of this.#parts) part.commit();
  }

  discard(): void {
    for (const part of this.#parts) part.discard();
  }
}
