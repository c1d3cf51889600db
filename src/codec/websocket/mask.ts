/** From this many bytes on, masking by words is worth the view it needs. */
const WORDS_FROM = 256;

const WORD_BYTES = new Uint8Array(4);
const WORD = new Int32Array(WORD_BYTES.buffer);

/**
 * Masks or unmasks `data` in place (RFC 6455 §5.3).
 * @param key the four bytes of the masking key, the first one uppermost; any 32-bit integer
 * @returns the key for the byte after `data`: a payload in pieces is unmasked with one call each
 */
export function applyMask(data: Buffer, key: number): number {
  return data.length < WORDS_FROM ? maskBytes(data, 0, key) : maskWords(data, key);
}

/** Masks from `offset` on, byte by byte. */
function maskBytes(data: Buffer, offset: number, key: number): number {
  let turned = key;
  for (let i = offset; i < data.length; i++) {
    turned = (turned << 8) | (turned >>> 24);
    // The uppermost byte has become the lowest.
    (data[i] as number) ^= turned & 0xff;
  }
  return turned;
}

function maskWords(data: Buffer, key: number): number {
  // A view of words must start at a multiple of their size.
  const start = -data.byteOffset & 3;
  const turned = maskBytes(data.subarray(0, start), 0, key);
  // The word is assembled in memory, so that it has the machine's byte order.
  WORD_BYTES[0] = turned >>> 24;
  WORD_BYTES[1] = turned >>> 16;
  WORD_BYTES[2] = turned >>> 8;
  WORD_BYTES[3] = turned;
  const word = WORD[0] as number;
  const words = new Int32Array(data.buffer, data.byteOffset + start, (data.length - start) >>> 2);
  for (let i = 0; i < words.length; i++) (words[i] as number) ^= word;
  return maskBytes(data, start + words.length * 4, turned);
}
