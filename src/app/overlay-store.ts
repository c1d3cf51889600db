import { formatOverlay, type Overlay } from '../config/index.ts';
import { writePrivately } from '../exchange/index.ts';

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

  constructor(file: string) {
    this.file = file;
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
    await writePrivately(this.file, content);
  }
}
