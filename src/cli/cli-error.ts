/** Exit code of a command that was used rightly and failed. */
export const FAILURE = 1;

/** Exit code of a command that was used wrongly: an unknown option, a missing argument, a value that cannot be read. */
export const USAGE = 2;

/** A failure that the user of the command line can do something about: it is shown as text, without a stack. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly exitCode: number;
  /** What standard error gets. */
  readonly shown: string;

  /**
   * @param message one line for each thing that is wrong
   * @param prefix stands before each line; empty where lines begin with FILE:LINE, for that is where editors look for it
   */
  constructor(message: string, exitCode: number = FAILURE, prefix = 'error: ') {
    super(message);
    this.exitCode = exitCode;
    this.shown = message.replace(/^/gm, prefix);
  }
}

/** What an error says, with what the system said under it: `fetch failed` alone helps nobody. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause, message } = error;
  // Several addresses of a name were tried: each has its own reason, and the error itself says nothing.
  const reasons = cause instanceof AggregateError ? cause.errors : cause === undefined ? [] : [cause];
  return reasons.length === 0 ? message : reasons.map(reasonOf).join('; ');
}
