import { MAX_IDS } from '../codec/zhttp/index.ts';
import type { ServerSession } from './server-session.ts';

/** Sessions whose requesters get the same packet. */
export interface SessionBatches {
  /** Those that need a packet of their own. */
  readonly single: readonly ServerSession[];
  /** Those that share a packet: the same requester, format and way, up to `MAX_IDS`. */
  readonly shared: readonly (readonly ServerSession[])[];
}

/** Groups sessions by requester. Those whose requester can be told nothing now are left out. */
export function batchesOf(sessions: readonly ServerSession[]): SessionBatches {
  const single: ServerSession[] = [];
  const shared: ServerSession[][] = [];
  /** For each requester the batch that has room. */
  const begun = new Map<string, ServerSession[]>();
  for (const session of sessions) {
    if (!session.open) continue;
    if (!session.batchable) {
      single.push(session);
      continue;
    }
    const key = `${session.format}${session.byRouter ? 'r' : 'p'}${session.from}`;
    const batch = begun.get(key);
    if (batch !== undefined && batch.length < MAX_IDS) {
      batch.push(session);
      continue;
    }
    const next = [session];
    begun.set(key, next);
    shared.push(next);
  }
  return { single, shared };
}
