/** Flags of a frame (RFC 23, "Framing"). */
export const MORE = 0x01;
export const LONG = 0x02;
export const COMMAND = 0x04;

/** Parts of at least this many bytes are sent without a copy: one more buffer costs less. */
export const REFERENCE_BYTES = 16_384;

const SHORT_MAX = 255;

/** One part of a message: bytes, latin1 text with one character per byte, or several pieces sent one after the other. */
export type Part = Buffer | string | readonly Buffer[];

/** A part as one Buffer, the part itself if it is one. */
export function wholePart(part: Part): Buffer {
  if (Buffer.isBuffer(part)) return part;
  return typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.concat(part);
}

/** Whether the part consists of several pieces. Faster than `Buffer.isBuffer`. */
export function isPieces(part: Part): part is readonly Buffer[] {
  return Array.isArray(part);
}

/** Bytes of the header of a frame with a body of `length` bytes. */
function headerBytes(length: number): number {
  return length > SHORT_MAX ? 9 : 2;
}

/** Writes a frame's header and returns where the body starts. */
function writeHeader(target: Buffer, offset: number, flags: number, length: number): number {
  if (length <= SHORT_MAX) {
    target[offset] = flags;
    target[offset + 1] = length;
    return offset + 2;
  }
  target[offset] = flags | LONG;
  target.writeUInt32BE(Math.floor(length / 0x1_0000_0000), offset + 1);
  target.writeUInt32BE(length >>> 0, offset + 5);
  return offset + 9;
}

/** The header of a command frame with a body of `length` bytes. */
export function commandHeader(length: number): Buffer {
  const header = Buffer.allocUnsafe(headerBytes(length));
  writeHeader(header, 0, COMMAND, length);
  return header;
}

/** Size of a message on the wire in bytes. */
export function wireBytes(parts: readonly Part[]): number {
  let bytes = 0;
  for (const part of parts) {
    const length = partBytes(part);
    bytes += headerBytes(length) + length;
  }
  return bytes;
}

/**
 * The wire form of `messages[start]` up to, but not including, `messages[end]`, in as few buffers as possible: one, and one more for each part or piece
 * of `REFERENCE_BYTES` and what follows it. Those are not copied, and must not change afterwards. Text becomes bytes only here.
 */
export function encodeMessages(messages: readonly (readonly Part[])[], start: number, end: number): Buffer[] {
  let copied = 0;
  for (let i = start; i < end; i++) {
    for (const part of messages[i] as readonly Part[]) copied += headerBytes(partBytes(part)) + copiedBytes(part);
  }
  const wire = new Wire(Buffer.allocUnsafe(copied));
  for (let i = start; i < end; i++) {
    const parts = messages[i] as readonly Part[];
    for (let k = 0; k < parts.length; k++) {
      const part = parts[k] as Part;
      wire.header(k + 1 < parts.length ? MORE : 0, partBytes(part));
      if (typeof part === 'string') wire.text(part);
      else if (isPieces(part)) for (const piece of part) wire.body(piece);
      else wire.body(part);
    }
  }
  return wire.end();
}

/** Bytes of the body of a part's frame. */
export function partBytes(part: Part): number {
  if (!isPieces(part)) return part.length;
  let length = 0;
  for (const piece of part) length += piece.length;
  return length;
}

/** Bytes of the body to copy. */
function copiedBytes(part: Part): number {
  if (typeof part === 'string') return part.length;
  if (!isPieces(part)) return part.length < REFERENCE_BYTES ? part.length : 0;
  let length = 0;
  for (const piece of part) length += copiedBytes(piece);
  return length;
}

/** Collects bytes in `scratch`, which has room for just what is copied, and buffers that are not copied between them. */
class Wire {
  readonly #scratch: Buffer;
  readonly #buffers: Buffer[] = [];
  /** Start of the bytes that are not yet in a result buffer. */
  #from = 0;
  #offset = 0;

  constructor(scratch: Buffer) {
    this.#scratch = scratch;
  }

  header(flags: number, length: number): void {
    this.#offset = writeHeader(this.#scratch, this.#offset, flags, length);
  }

  body(bytes: Buffer): void {
    if (bytes.length < REFERENCE_BYTES) {
      this.#scratch.set(bytes, this.#offset);
      this.#offset += bytes.length;
      return;
    }
    this.#flush();
    this.#buffers.push(bytes);
  }

  text(text: string): void {
    this.#offset += this.#scratch.write(text, this.#offset, 'latin1');
  }

  end(): Buffer[] {
    this.#flush();
    return this.#buffers;
  }

  #flush(): void {
    if (this.#offset === this.#from) return;
    const scratch = this.#scratch;
    const isWhole = this.#from === 0 && this.#offset === scratch.length;
    this.#buffers.push(isWhole ? scratch : scratch.subarray(this.#from, this.#offset));
    this.#from = this.#offset;
  }
}
