import { decode, encode, type TnetstringInput, type TnetstringMap } from '../codec/tnetstring/index.ts';

/**
 * Bytes of one command. A program that sends more is cut off.
 * @bound mongrel2-control-command
 */
export const MAX_COMMAND_BYTES = 65_536;

/** What a command may have: bytes, levels of lists and maps, and numbers of all kinds. */
const COMMAND_LIMITS = { maxBytes: MAX_COMMAND_BYTES, maxDepth: 4, floats: true };

/** What can be wrong with a command: the names that programs check, and the texts for people. */
const FAILURES = {
  INVALID_REQUEST: 'expected a list of two elements: the name of a command, and its arguments',
  INVALID_DATA: 'expected a tnetstring: a list with a string and a map',
  CALLBACK_NOT_FOUND: 'there is no command of this name',
  CALLBACK_RETURN: 'the command failed because of an internal error',
  SIGNAL_FAILED: 'the server cannot do this',
  INVALID_ARGUMENT: 'an argument is missing, or has the wrong type or value',
  NOT_CONNECTED: 'there is no connection with this id',
} as const;

/** Name of a failure. */
export type CommandFailure = keyof typeof FAILURES;

/** A command that was sent to the control port. */
export interface ControlCommand {
  readonly name: string;
  readonly args: TnetstringMap;
}

/** Reads a command; the name of the failure if it is none. */
export function parseControlCommand(message: Buffer): ControlCommand | CommandFailure {
  let value: ReturnType<typeof decode>;
  try {
    value = decode(message, COMMAND_LIMITS);
  } catch {
    return 'INVALID_DATA';
  }
  if (!Array.isArray(value) || value.length !== 2) return 'INVALID_REQUEST';
  const [name, args] = value;
  if (!Buffer.isBuffer(name) || typeof args !== 'object' || args === null) return 'INVALID_DATA';
  if (Array.isArray(args) || Buffer.isBuffer(args)) return 'INVALID_DATA';
  return { name: name.toString('latin1'), args };
}

/** The reply to a command that failed. */
export function failedReply(code: CommandFailure): Buffer {
  return encode({ code, error: FAILURES[code] });
}

/** The reply to a command that succeeded: a table. */
export function tableReply(headers: readonly string[], rows: readonly (readonly TnetstringInput[])[]): Buffer {
  return encode({ headers, rows });
}

/** A table of one value. */
export function valueReply(name: string, value: string): Buffer {
  return tableReply([name], [[value]]);
}
