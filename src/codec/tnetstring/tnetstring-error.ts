/** Bytes that are no tnetstring, or a value that has none. The message says what is wrong, and where. */
export class TnetstringError extends Error {
  override readonly name = 'TnetstringError';
}
