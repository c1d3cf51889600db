import { decode, TnetstringError } from '../tnetstring/index.ts';

/** Whether `value` is one tnetstring, well-formed at every level. */
export function isTnetstring(value: Buffer): boolean {
  try {
    decode(value);
    return true;
  } catch (error) {
    if (error instanceof TnetstringError) return false;
    throw error;
  }
}
