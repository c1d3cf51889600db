import { constants, type Stats } from 'node:fs';
import { type FileHandle, open, readlink, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { ExchangeError, systemErrorText } from '../exchange/index.ts';

/** What is at a path: a file that is open now, a folder, or nothing that may be served. */
export type Opened =
  | { readonly kind: 'file'; readonly handle: FileHandle; readonly stats: Stats }
  | { readonly kind: 'folder' }
  | { readonly kind: 'none' };

const NONE: Opened = { kind: 'none' };

// A FIFO without a writer would block a thread, and a terminal could become the one of this process.
const FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

/** Errors that say that there is no file for the client: it does not exist, or this process may not have it. */
const ABSENT = new Set(
  'ENOENT ENOTDIR EACCES EPERM ELOOP ENAMETOOLONG ENXIO ENODEV EISDIR EINVAL EOPNOTSUPP ETXTBSY EOVERFLOW'.split(' '),
);

/**
 * Opens what is at `path` below `root`. The check whether that is inside of the folder is made on what was opened, so that it does not matter what becomes of
 * the path meanwhile.
 * @param followLinks whether it may be outside, where a link leads there
 * @throws ExchangeError HF_OPEN_FILES when no descriptor is left, HF_FILE_FAILED for errors of the device
 */
export async function openFile(root: string, path: string, followLinks: boolean): Promise<Opened> {
  const full = join(root, path);
  try {
    const handle = await open(full, FLAGS);
    let kept = false;
    try {
      const stats = await handle.stat();
      if (!followLinks && !(await isInside(handle, stats, root, full))) return NONE;
      if (stats.isDirectory()) return { kind: 'folder' };
      if (!stats.isFile()) return NONE;
      kept = true;
      return { kind: 'file', handle, stats };
    } finally {
      if (!kept) await handle.close();
    }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (ABSENT.has(code)) return NONE;
    throw new ExchangeError(
      code === 'EMFILE' || code === 'ENFILE' ? 'HF_OPEN_FILES' : 'HF_FILE_FAILED',
      `${path}: ${systemErrorText(error)}`,
    );
  }
}

/** Whether the open file is inside of the folder, whatever links lead to both. */
async function isInside(handle: FileHandle, stats: Stats, root: string, full: string): Promise<boolean> {
  const folder = await realpath(root);
  const file = await pathOfOpened(handle, stats, full);
  return file !== null && (file === folder || file.startsWith(folder.endsWith(sep) ? folder : folder + sep));
}

/** The path of an open file without links; null if it is not known. */
async function pathOfOpened({ fd }: FileHandle, stats: Stats, full: string): Promise<string | null> {
  try {
    // Linux knows the path of what is open.
    return await readlink(`/proc/self/fd/${fd}`);
  } catch {
    // Elsewhere the path of the name counts if it still leads to the same file.
    const path = await realpath(full);
    const { dev, ino } = await stat(path);
    return dev === stats.dev && ino === stats.ino ? path : null;
  }
}
