import { getSystemErrorMap } from 'node:util';

/** Node's texts that do not read well after the name of a file. */
const TEXTS: Readonly<Record<string, string>> = { EISDIR: 'is a directory' };

/**
 * What an error of the operating system says, without the code, the call and the file that Node adds: `address already in use`.
 * The message of any other error.
 */
export function systemErrorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, errno } = error as NodeJS.ErrnoException;
  const known = TEXTS[code ?? ''] ?? (errno === undefined ? undefined : getSystemErrorMap().get(errno)?.[1]);
  return known ?? error.message;
}
