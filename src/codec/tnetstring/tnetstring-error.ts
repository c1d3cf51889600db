import { InputError } from '../input-error/index.ts';

/** Bytes that are not a tnetstring, or a value that cannot be encoded. The message says what is wrong, and where. */
export class TnetstringError extends InputError {
  override readonly name = 'TnetstringError';
}
