import type { FileIssue } from '../app/index.ts';
import type { ConfigError } from '../config/index.ts';

/** Exit code of a command that failed. */
export const FAILURE = 1;

/** Exit code for wrong usage: an unknown option, a missing argument, an invalid value. */
export const USAGE = 2;

/** A failure that the user can act on. It is shown as text, without a stack. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly exitCode: number;
  /** The text for standard error. */
  readonly shown: string;
  /** What is wrong in the files of a configuration, where that is what it is about. */
  readonly problems: readonly FileIssue[];

  /**
   * @param message one line for each error
   * @param prefix goes before each line; empty if lines begin with FILE:LINE, which editors look for there
   */
  constructor(message: string, exitCode: number = FAILURE, prefix = 'error: ', problems: readonly FileIssue[] = []) {
    super(message);
    this.problems = problems;
    this.exitCode = exitCode;
    this.shown = message.replace(/^/gm, prefix);
  }
}

/** A `CliError` about a file of the configuration. @param hint goes behind the message */
export function configFailure(error: ConfigError, hint = ''): CliError {
  const problems = error.issues.map((issue) => ({ ...issue, file: error.file }));
  return new CliError(error.message + hint, FAILURE, '', problems);
}

/** The message of an error and of its causes. A message such as `fetch failed` does not help by itself. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Several addresses of a name were tried. Each has its own reason, and the error itself has none.
  if (error instanceof AggregateError && error.errors.length > 0) return error.errors.map(reasonOf).join('; ');
  return error.cause === undefined ? error.message : reasonOf(error.cause);
}
