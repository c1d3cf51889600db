/** Flags of a frame (RFC 23, "Framing"). */
export const MORE = 0x01;
export const LONG = 0x02;
export const COMMAND = 0x04;

/** Parts of at least this many bytes are not copied but sent as they are: one more buffer costs less than the copy. */
export const REFERENCE_BYTES = 16_384;

const SHORT_MAX = 255;

/** Bytes of the header of a frame with a body of `length` bytes. */
function headerBytes(length: number): number {
  return length > SHORT_MAX ? 9 : 2;
}

/** Writes a frame's header and returns where the body begins. */
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

/** Bytes that a message takes on the wire. */
export function wireBytes(parts: readonly Buffer[]): number {
  let bytes = 0;
  for (const part of parts) bytes += headerBytes(part.length) + part.length;
  return bytes;
}

/**
 * The wire form of `messages[start]` up to but without `messages[end]`, in as few buffers as possible: one, and one more
 * for each part of `REFERENCE_BYTES` and what follows it. Such parts are not copied: they must not be changed any more.
 */
export function encodeMessages(messages: readonly (readonly Buffer[])[], start: number, end: number): Buffer[] {
  let copied = 0;
  for (let i = start; i < end; i++) {
    for (const part of messages[i] as readonly Buffer[]) {
      copied += headerBytes(part.length) + (part.length < REFERENCE_BYTES ? part.length : 0);
    }
  }
  const scratch = Buffer.allocUnsafe(copied);
  const buffers: Buffer[] = [];
  let from = 0;
  let offset = 0;
  for (let i = start; i < end; i++) {
    const parts = messages[i] as readonly Buffer[];
    for (let k = 0; k < parts.length; k++) {
      const part = parts[k] as Buffer;
      offset = writeHeader(scratch, offset, k + 1 < parts.length ? MORE : 0, part.length);
      if (part.length < REFERENCE_BYTES) {
        offset += part.copy(scratch, offset);
      } else {
        buffers.push(scratch.subarray(from, offset), part);
        from = offset;
      }
    }
  }
  if (offset > from) buffers.push(scratch.subarray(from, offset));
  return buffers;
}
