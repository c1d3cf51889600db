import * as zlib from 'node:zlib';

/**
 * A gzip member (RFC 1952) from blocks that were compressed apart. A block refers to nothing before it and ends at a whole byte, so the same block
 * can be in any number of members: only the checksum at their ends differs.
 */

const { Z_FULL_FLUSH } = zlib.constants;

/** Shorter chunks need no large window. */
const SHORT = 4_096;

/** Begins a member: deflate, no name, no time, unknown system (RFC 1952 §2.3). */
export const GZIP_BEGINNING: Buffer = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);

/** Bytes that a block of incompressible bytes may have more than they are: zlib would take another buffer for even more. */
const OVERHEAD = 64;

/** A block that holds `chunk`. It keeps no more memory than about that. */
export function gzipBlock(chunk: Buffer): Buffer {
  const size = chunk.length < SHORT ? { windowBits: 12, memLevel: 5 } : {};
  return zlib.deflateRawSync(chunk, {
    ...size,
    level: 4,
    finishFlush: Z_FULL_FLUSH,
    chunkSize: chunk.length + OVERHEAD,
  });
}

/** What a member has at its end: the checksum and the number of the bytes that its blocks hold. */
export class GzipSum {
  #crc = 0;
  #bytes = 0;

  add(chunk: Buffer): void {
    // zlib begins again for bytes that are nowhere, as those of an empty Buffer may be.
    if (chunk.length === 0) return;
    this.#crc = zlib.crc32(chunk, this.#crc);
    this.#bytes += chunk.length;
  }

  /** The end of the member: an empty last block (RFC 1951 §3.2.6), and the sum. */
  end(): Buffer {
    const end = Buffer.alloc(10);
    end[0] = 0x03;
    end.writeUInt32LE(this.#crc >>> 0, 2);
    end.writeUInt32LE(this.#bytes % 2 ** 32, 6);
    return end;
  }
}
