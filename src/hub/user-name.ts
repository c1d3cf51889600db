import { type ClientNames, type Counters, clientNames, type Log } from '../exchange/index.ts';

/**
 * Bytes of the name of a user, in UTF-8.
 * @bound user-name
 */
export const MAX_USER_BYTES = 256;

/** Where it is told that a name is refused. */
interface NameReport {
  readonly counters: Pick<Counters, 'usersRefused'>;
  readonly log: Log;
}

/** Stands for bytes that are not UTF-8, and for half a surrogate pair once it is encoded (Unicode §3.9). */
const REPLACED = '\ufffd';

/**
 * The name that a client has as a user; null for none. One that is too long is refused as a whole: a part of it might be the name of another
 * user. So is one that is not UTF-8, because names that differ in such bytes only would be one user.
 */
export function userName(
  name: string | null | undefined,
  client: ClientNames,
  { counters, log }: NameReport,
): string | null {
  if (name === null || name === undefined || name === '') return null;
  const bytes = Buffer.byteLength(name);
  const isText = bytes === name.length || !Buffer.from(name).toString().includes(REPLACED);
  if (isText && bytes <= MAX_USER_BYTES) return name;
  counters.usersRefused++;
  const reason = isText ? 'too long' : 'not UTF-8';
  log.info({ ...clientNames(client), reason, max: MAX_USER_BYTES }, 'name of a user refused: the client has no user');
  return null;
}
