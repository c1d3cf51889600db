import { type Cursor, EPOCH_LENGTH, LOST_CURSOR, parseCursor } from '../history/index.ts';

/**
 * Characters of what a client says that it has, a cursor or the id of an item. Of more nothing is found.
 * @bound client-cursor
 */
export const MAX_SINCE = 1_024;

/**
 * What a client says that it has: a cursor, or else something that may be the id of an item.
 * @param since null for a new client
 */
export function clientCursor(since: string | null): { readonly after: Cursor | null; readonly id: string | null } {
  if (since === null) return { after: null, id: null };
  const cursor = parseCursor(since);
  // Ids of publishers may look like cursors, but of no store here.
  if (cursor?.epoch.length === EPOCH_LENGTH) return { after: cursor, id: null };
  return { after: LOST_CURSOR, id: boundedSince(since) };
}

/** What a client says, or nothing that is ever found. */
export function boundedSince(since: string): string {
  return since.length > MAX_SINCE ? '' : since;
}
