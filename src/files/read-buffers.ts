/**
 * Bytes of a file that are read at a time, as far as the client takes them. This is all that one response holds.
 * @bound files-read
 */
const READ_BYTES = 65_536;

/** Buffers that are kept for the next read. A few are enough: what is in use most is in the processor's caches. */
const MAX_FREE = 16;

const free: Buffer[] = [];

/** A buffer for one read, of 65,536 bytes. */
export function takeBuffer(): Buffer {
  return free.pop() ?? Buffer.allocUnsafeSlow(READ_BYTES);
}

/** Nothing refers to the bytes of `buffer` any more. */
export function returnBuffer(buffer: Buffer): void {
  if (free.length < MAX_FREE) free.push(buffer);
}
