import type { Stats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { FileEntry, type Now } from './file-entry.ts';
import type { FolderOptions } from './folder-options.ts';
import { mediaTypeOf } from './media-types.ts';
import { openFile } from './open-file.ts';

/** Bytes of the largest file whose content is kept: what a client takes at once. */
const MAX_CONTENT = 65_536;

/** What was found: a file, a folder, or nothing. */
export type Found = FileEntry | 'folder' | 'none';

/**
 * Looks for a file of a folder. The content of a small one is read, others are open afterwards.
 * @throws ExchangeError as `openFile`
 */
export async function loadFile(options: FolderOptions, key: string, now: () => Now): Promise<Found> {
  const opened = await openFile(options.root, key, options.followLinks);
  if (opened.kind !== 'file') return opened.kind;
  const { handle, stats } = opened;
  const about = {
    key,
    path: join(options.root, key),
    type: mediaTypeOf(key, options.types, options.defaultType),
    server: options.server,
  };
  let open = false;
  try {
    if (stats.size > MAX_CONTENT) {
      const entry = new FileEntry(about, stats, null, handle, now());
      open = true;
      return entry;
    }
    const content = await readContent(handle, stats.size);
    const entry = new FileEntry(about, stats, content, null, now());
    // A file that is being written may be in no state at all.
    entry.keepable = sameState(stats, await handle.stat());
    return entry;
  } finally {
    if (!open) await handle.close();
  }
}

async function readContent(handle: FileHandle, size: number): Promise<Buffer> {
  const content = Buffer.allocUnsafeSlow(size);
  let length = 0;
  while (length < size) {
    const { bytesRead } = await handle.read(content, length, size - length, length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return content.subarray(0, length);
}

function sameState(one: Stats, other: Stats): boolean {
  return one.mtimeMs === other.mtimeMs && one.ctimeMs === other.ctimeMs && one.size === other.size;
}
