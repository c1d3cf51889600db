import { StoreError } from './store-error.ts';
import type { StoreFiles } from './store-files.ts';

const PREFIX = 'lock-';

/** Whether a file is the lock of some process. */
export function isLock(name: string): boolean {
  return name.startsWith(PREFIX);
}

/** The id of a process that is alive and has the folder; null for none. @param names in the folder */
export function lockHolder(files: Pick<StoreFiles, 'isAlive'>, names: readonly string[]): number | null {
  for (const name of names) {
    const holder = name.slice(PREFIX.length);
    if (isLock(name) && files.isAlive(holder)) return Number(holder.split('-')[0]);
  }
  return null;
}

/**
 * Takes the folder for this process. Each one makes a file that is named after it, and then looks for others: of two that come at the same time
 * at least one sees the other. Locks of processes that have died are removed.
 * @returns what gives the folder back
 * @throws StoreError when another process has it
 */
export async function takeLock(files: StoreFiles): Promise<() => Promise<void>> {
  const own = `${PREFIX}${files.self}`;
  try {
    await files.create(own);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST')
      throw new StoreError(files.path, 'this process has it open');
    throw error;
  }
  const release = (): Promise<void> => files.remove(own);
  try {
    const others = (await files.list()).filter((name) => isLock(name) && name !== own);
    const holder = lockHolder(files, others);
    if (holder !== null) {
      const problem = `the process ${holder} has it open; stop that one, or give each a folder of its own`;
      throw new StoreError(files.path, problem);
    }
    for (const name of others) await files.remove(name);
  } catch (error) {
    await release();
    throw error;
  }
  return release;
}
