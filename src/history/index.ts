export { type Cursor, cursorBeginning, formatCursor, LOST_CURSOR, parseCursor } from './cursor.ts';
export { DiskStore, type DiskStoreOptions } from './disk-store.ts';
export { examineFolder, type StoreFolder } from './examine-folder.ts';
export { HistoryCounters } from './history-counters.ts';
export { MIN_TOTAL_BYTES } from './history-log.ts';
export type {
  AppendableStore,
  ChannelLimits,
  ChannelSpan,
  HistoryStore,
  KeptItem,
  NewItem,
  Place,
  ReadableStore,
  ReadQuery,
  ReadResult,
  SharedItem,
  SharedStore,
} from './history-store.ts';
export type { StoreOptions } from './log-store.ts';
export { MemoryStore } from './memory-store.ts';
export type { LogSummary, MovedChannel, MovedPart } from './moved-log.ts';
export { EPOCH_LENGTH, newEpoch } from './new-epoch.ts';
export { recordSpace } from './segment.ts';
export { StoreError } from './store-error.ts';
export type { StoreFiles, WrittenFile } from './store-files.ts';
