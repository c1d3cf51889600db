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

/** The name that a client has as a user; null for none. One that is too long is refused as a whole: a part of it might be the name of another user. */
export function userName(
  name: string | null | undefined,
  client: ClientNames,
  { counters, log }: NameReport,
): string | null {
  if (name === null || name === undefined || name === '') return null;
  if (Buffer.byteLength(name) <= MAX_USER_BYTES) return name;
  counters.usersRefused++;
  log.info({ ...clientNames(client), max: MAX_USER_BYTES }, 'name of a user too long: the client is of no user');
  return null;
}
