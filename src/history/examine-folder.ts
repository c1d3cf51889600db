import { readdirSync, statfsSync } from 'node:fs';
import { DiskFolder } from './disk-folder.ts';
import { refuseOthers } from './disk-store.ts';
import { lockHolder } from './store-lock.ts';

/** What can be seen of a store's folder from outside. */
export interface StoreFolder {
  /** The process that has it open; null for none. */
  readonly holder: number | null;
  /** Bytes that this user may still write. */
  readonly free: number;
}

/**
 * Looks at the folder of a store, and changes nothing.
 * @throws StoreError for a folder with something else in it, and errors of the system
 */
export function examineFolder(path: string): StoreFolder {
  const folder = new DiskFolder(path);
  const names = readdirSync(path);
  refuseOthers(folder, names);
  const { bavail, bsize } = statfsSync(path);
  return { holder: lockHolder(folder, names), free: bavail * bsize };
}
