/** An expression that no guard can have. The message names it and says what was expected. */
export class GuardError extends Error {
  override readonly name = 'GuardError';
}
