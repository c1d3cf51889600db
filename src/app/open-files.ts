import { readFileSync } from 'node:fs';

/** How many files, sockets included, this process may have open; null where it is not known: on all systems but Linux. */
export function openFileLimit(): number | null {
  try {
    const limit = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1];
    return limit === undefined ? null : Number(limit);
  } catch {
    return null;
  }
}
