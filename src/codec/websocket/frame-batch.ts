/** Where frames go: a socket, or what stands for one. */
export interface FrameOutput {
  write(data: Buffer): unknown;
  cork(): void;
  uncork(): void;
}

/** Frames that leave together: those of one turn of the event loop. */
export class FrameBatch {
  /** Null for none, so that a silent WebSocket keeps nothing. */
  #frames: Buffer[] | null = null;
  /** Bytes of all that waits. */
  bytes = 0;

  add(frame: Buffer): void {
    this.#frames ??= [];
    this.#frames.push(frame);
    this.bytes += frame.length;
  }

  /** Takes everything out. */
  clear(): void {
    this.#frames = null;
    this.bytes = 0;
  }

  /** Writes everything as one. */
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
