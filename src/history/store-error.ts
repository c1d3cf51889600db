import { systemErrorText } from '../exchange/index.ts';

/** A store cannot be opened. The message says why, and what to do. */
export class StoreError extends Error {
  override readonly name = 'StoreError';

  /** @param path the folder of the store @param problem what is wrong with it, and what helps */
  constructor(path: string, problem: string) {
    super(`history store ${path}: ${problem}`);
  }

  /** The same for an error of the system. */
  static of(path: string, error: unknown): StoreError {
    if (error instanceof StoreError) return error;
    return new StoreError(path, `${systemErrorText(error)}; it needs a folder that this user can read and write`);
  }
}
