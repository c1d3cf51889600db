import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { formatOverlay, type Overlay } from '../config/index.ts';

/**
 * Routes, certificates and keys that are kept.
 * @bound overlay-entries
 */
export const MAX_OVERLAY_ENTRIES = 20_000;

/**
 * Bytes of the file of what is kept.
 * @bound overlay-bytes
 */
export const MAX_OVERLAY_BYTES = 16_777_216;

/** What was set through the control API and is kept, in a file that only its owner can read. It is always one whole state. */
export class OverlayStore {
  readonly file: string;
  readonly #temporary: string;

  constructor(file: string) {
    this.file = file;
    this.#temporary = `${file}.${process.pid}`;
  }

  /**
   * Writes the file: what is there now stays until the new content is on the disk. One call at a time.
   * @throws Error when there is too much to keep, or it cannot be written
   */
  async write(overlay: Overlay): Promise<void> {
    const entries = [overlay.routes, overlay.certificates, overlay.keys].reduce(
      (sum, table) => sum + Object.keys(table).length,
      0,
    );
    if (entries > MAX_OVERLAY_ENTRIES)
      throw new Error(`at most ${MAX_OVERLAY_ENTRIES} routes, certificates and keys are kept`);
    const content = Buffer.from(formatOverlay(overlay));
    if (content.length > MAX_OVERLAY_BYTES) throw new Error(`at most ${MAX_OVERLAY_BYTES} bytes are kept`);
    const folder = dirname(this.file);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    try {
      // A file that an earlier process of the same id has left may be anything.
      await rm(this.#temporary, { force: true });
      await writeThrough(this.#temporary, content);
      await rename(this.#temporary, this.file);
    } catch (error) {
      await rm(this.#temporary, { force: true });
      throw error;
    }
    await sync(folder);
  }
}

async function writeThrough(path: string, content: Buffer): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** The new name is on the disk, too. */
async function sync(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
