/** Where frames go: a socket, or a stand-in. */
export interface FrameOutput {
  write(data: Buffer): unknown;
  cork(): void;
  uncork(): void;
}

/** Frames that leave together: those of one turn of the event loop. */
export class FrameBatch {
  /** Null without frames, so that an idle WebSocket keeps nothing. */
  #frames: Buffer[] | null = null;
  /** Total bytes waiting. */
  bytes = 0;

  add(frame: Buffer): void {
    this.#frames ??= [];
    this.#frames.push(frame);
    this.bytes += frame.length;
  }

  /** Removes all frames. */
  clear(): void {
    this.#frames = null;
    this.bytes = 0;
  }

  /** Writes everything at once. */
  writeTo(output: FrameOutput): void {
    const frames = this.#frames;
    this.clear();
    if (frames === null) return;
    if (frames.length === 1) {
      output.write(frames[0] as Buffer);
      return;
    }
    output.cork();
    for (const frame of frames) output.write(frame);
    output.uncork();
  }
}
