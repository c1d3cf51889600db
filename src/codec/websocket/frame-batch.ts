/** Where frames go: a socket, or a stand-in. */
export interface FrameOutput {
  write(data: Buffer): unknown;
  cork(): void;
  uncork(): void;
}

/** What a frame costs at least: what it takes to keep and to write it, in bytes. */
const FRAME_COST = 256;

/** Frames of together this many bytes are copied into one buffer: cheaper than many small ones. */
const SMALL_BATCH = 16_384;

/** Frames that leave together: those of one turn of the event loop. */
export class FrameBatch {
  /** Null without frames, so that an idle WebSocket keeps nothing. */
  #frames: Buffer[] | null = null;
  #bytes = 0;
  /** Bytes that are waiting, each frame counted as at least 256. */
  cost = 0;

  add(frame: Buffer): void {
    this.#frames ??= [];
    this.#frames.push(frame);
    this.#bytes += frame.length;
    this.cost += Math.max(FRAME_COST, frame.length);
  }

  /** Removes all frames. */
  clear(): void {
    this.#frames = null;
    this.#bytes = 0;
    this.cost = 0;
  }

  /** Writes everything at once. */
  writeTo(output: FrameOutput): void {
    const frames = this.#frames;
    const bytes = this.#bytes;
    if (frames === null) return;
    this.clear();
    if (frames.length === 1) {
      output.write(frames[0] as Buffer);
    } else if (bytes <= SMALL_BATCH) {
      output.write(Buffer.concat(frames, bytes));
    } else {
      output.cork();
      for (const frame of frames) output.write(frame);
      output.uncork();
    }
  }
}
