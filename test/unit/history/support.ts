import { type Cursor, type HistoryStore, MemoryStore, type ReadResult } from '../../../src/history/index.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { ALL } from '../../support/history/history-model.ts';

/** A store in memory whose time the test sets. */
export function memoryStore(maxBytes = 16_777_216): { store: MemoryStore; time: { now: number }; log: FakeLog } {
  const time = { now: 1_000_000 };
  const log = new FakeLog();
  return { store: new MemoryStore({ maxBytes, log, now: () => time.now }), time, log };
}

/** Appends one item, and returns its number once it is stored; 0 before. */
export function put(store: HistoryStore, channel: string, text: string | Buffer = '', keep = ALL): number {
  let number = 0;
  store.append([{ channel, bytes: Buffer.from(text as string), keep }], (first) => {
    number = first;
  });
  return number;
}

/** What a query says. */
export function readNow(store: HistoryStore, channels: readonly string[], after: Cursor | null): ReadResult {
  const results: ReadResult[] = [];
  store.read({ channels, after }, (result) => results.push(result));
  return results[0] as ReadResult;
}

/** A cursor of this store. */
export function at(store: HistoryStore, number: number): Cursor {
  return { epoch: store.epoch, number };
}

/** The texts of the items in an answer. */
export function texts({ items }: ReadResult): string[] {
  return items.map(({ bytes }) => bytes.toString());
}
