import type { Stats } from 'node:fs';

/**
 * Bytes of the file of a certificate, or of its key, that is watched, listed or examined.
 * @bound certificate-file
 */
const MAX_BYTES = 1_048_576;

/** Why a file is not read as a certificate or a key; null if it is. Reading a pipe or a device might never end. */
export function unreadable(stats: Stats): string | null {
  if (!stats.isFile()) return stats.isDirectory() ? 'is a directory' : 'is not a regular file';
  return stats.size > MAX_BYTES ? `is larger than ${MAX_BYTES} bytes` : null;
}
