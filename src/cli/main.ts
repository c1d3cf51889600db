import { CommanderError } from 'commander';
import { CliError, FAILURE, reasonOf, USAGE } from './cli-error.ts';
import { holdfastProgram } from './holdfast-program.ts';

/** In the environment of a process that was started for an upgrade. What knows more of it is loaded with the server. */
const UPGRADE_MARK = 'HOLDFAST_UPGRADE';

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // The reader, such as `head`, has seen enough.
  if (error.code === 'EPIPE') process.exit(FAILURE);
  process.exit(report(new CliError(`cannot write: ${error.message}`)));
});

try {
  const program = await holdfastProgram(process.argv[2] ?? '');
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error);
  // The process that this one was to replace tells whoever asked for it.
  if (process.env[UPGRADE_MARK] !== undefined) process.send?.({ kind: 'failed', reason: reasonOf(error) });
}

/** Reports an error on standard error. Returns the exit code. */
function report(error: unknown): number {
  if (error instanceof CommanderError) {
    // Commander has already printed the help, the version, or the error.
    return error.exitCode === 0 ? 0 : USAGE;
  }
  if (error instanceof CliError) {
    console.error(error.shown);
    return error.exitCode;
  }
  console.error(error);
  return FAILURE;
}
