import { MAX_IDS } from '../codec/zhttp/index.ts';
import type { FetchSession } from './fetch-session.ts';

/** Sessions that are told the same, by who they are told. */
export interface FetchBatches {
  /** Those that need a packet of their own. */
  readonly single: readonly FetchSession[];
  /** Those that share a packet: the same asker, format and way, up to `MAX_IDS`. */
  readonly shared: readonly (readonly FetchSession[])[];
}

/** Sorts sessions by how they can be told something. Those that can be told nothing now are left out. */
export function batchesOf(sessions: readonly FetchSession[]): FetchBatches {
  const single: FetchSession[] = [];
  const shared: FetchSession[][] = [];
  /** The batch of each asker that has room. */
  const begun = new Map<string, FetchSession[]>();
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
