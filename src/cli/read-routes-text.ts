import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { systemErrorText } from '../exchange/index.ts';
import { CliError } from './cli-error.ts';

/**
 * The text of a routes file. It is read while requests run, so nothing that could keep its reader waiting is opened: a FIFO does until somebody
 * writes to it.
 * @throws CliError for an unreadable file, or one that is no regular file
 */
export function readRoutesText(file: string): string {
  let descriptor: number | null = null;
  try {
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    if (!fstatSync(descriptor).isFile()) throw new CliError(`cannot read the routes ${file}: it is not a regular file`);
    return readFileSync(descriptor, 'utf8');
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new CliError(`cannot read the routes ${file}: ${systemErrorText(error)}`);
  } finally {
    if (descriptor !== null) closeSync(descriptor);
  }
}
