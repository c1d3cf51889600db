import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync } from 'node:zlib';

/**
 * Undoes the content coding of a small body that is there as a whole: many times cheaper than piece by piece.
 * @param maxBytes that it may have decoded
 * @returns null when it has more, is not valid, or has a coding that is not undone so; a `BodyDecoder` knows which
 */
export function decodeAtOnce(coding: string, encoded: Buffer, maxBytes: number): Buffer | null {
  const options = { maxOutputLength: maxBytes };
  try {
    switch (coding.toLowerCase()) {
      case 'gzip':
      case 'x-gzip':
        return gunzipSync(encoded, options);
      case 'deflate':
        return isZlib(encoded) ? inflateSync(encoded, options) : inflateRawSync(encoded, options);
      case 'br':
        return brotliDecompressSync(encoded, options);
      default:
        return null;
    }
  } catch {
    return null;
  }
}

/** RFC 9110 §8.4.1.2: deflate means the zlib format, but many send the bare one; the first byte tells them apart. */
export function isZlib(encoded: Buffer): boolean {
  return ((encoded[0] ?? 0) & 0x0f) === 8;
}
