import fs from 'node:fs';

/** How many files, sockets included, this process may have open; null where it is not known: on all systems but Linux. */
export function openFileLimit(): number | null {
  try {
    const limit = /^Max open files\s+(\d+)/m.exec(fs.readFileSync('/proc/self/limits', 'latin1'))?.[1];
    return limit === undefined ? null : Number(limit);
  } catch {
    return null;
  }
}

/**
 * How many descriptors this process has open, files and sockets; null where that is not known. Counting them one by one would take longer the
 * more there are. Linux has the number as the size of a folder since version 6.2. Elsewhere the lowest free descriptor says it, which is less than
 * the number only while there are gaps, for these are filled first.
 */
export function openFileCount(): number | null {
  try {
    const { size } = fs.statSync('/proc/self/fd');
    if (size > 0) return size;
    const free = fs.openSync('/dev/null', 'r');
    fs.closeSync(free);
    return free;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EMFILE' ? openFileLimit() : null;
  }
}
