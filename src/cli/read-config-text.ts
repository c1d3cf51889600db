import { closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs';

/**
 * Bytes of one file of the configuration.
 * @bound configuration-file
 */
export const MAX_CONFIG_BYTES = 33_554_432;

/** Attempts to read a file while others write to it. */
const MAX_READS = 10;

/** Milliseconds between two of them. */
const PAUSE = 20;

/** The text of a file, and what tells later whether it has changed since. */
export interface ConfigText {
  readonly text: string;
  readonly state: string;
}

/**
 * Reads a file of the configuration, which may be replaced or written to meanwhile: what is returned is one state of it. Nothing that could keep
 * its reader waiting is opened, as a FIFO would until somebody writes to it.
 * @param filled whether an empty file is waited for, and then refused: one that is written in place is empty at first
 * @throws Error of the system, or one that says why the file is not read
 */
export function readConfigText(file: string, filled = false): ConfigText {
  let isEmpty = false;
  for (let reads = 0; reads < MAX_READS; reads++) {
    if (reads > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE);
    const content = readOnce(file);
    isEmpty = content?.text.trim() === '';
    if (content !== null && !(filled && isEmpty)) return content;
  }
  throw new Error(isEmpty ? 'the file is empty' : 'it changes while it is read');
}

/** The state of a file, which is another one whenever it is written or replaced; empty while it is missing. */
export function fileState(file: string): string {
  try {
    return stateOf(statSync(file, { bigint: true }));
  } catch {
    return '';
  }
}

/** Null if the file has changed meanwhile. */
function readOnce(file: string): ConfigText | null {
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(descriptor, { bigint: true });
    if (!stats.isFile()) throw new Error(stats.isDirectory() ? 'is a directory' : 'it is not a regular file');
    if (stats.size > MAX_CONFIG_BYTES) {
      throw new Error(`it has ${stats.size} bytes: at most ${MAX_CONFIG_BYTES} are read`);
    }
    const content = Buffer.alloc(Number(stats.size));
    let length = 0;
    while (length < content.length) {
      const read = readSync(descriptor, content, length, content.length - length, null);
      if (read === 0) return null;
      length += read;
    }
    const state = stateOf(stats);
    return fileState(file) === state ? { text: content.toString('utf8'), state } : null;
  } finally {
    closeSync(descriptor);
  }
}

function stateOf({
  ino,
  size,
  mtimeNs,
  ctimeNs,
}: {
  ino: bigint;
  size: bigint;
  mtimeNs: bigint;
  ctimeNs: bigint;
}): string {
  return `${ino} ${size} ${mtimeNs} ${ctimeNs}`;
}
