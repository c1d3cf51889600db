/** An invalid expression. The message quotes it and says what was expected. */
export class GuardError extends Error {
  override readonly name = 'GuardError';
}
