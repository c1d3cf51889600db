import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync } from 'node:zlib';

/**
 * Undoes the content coding of a small, complete body: many times cheaper than piece by piece.
 * @param maxBytes maximum size of the decoded body
 * @returns null if it is larger, invalid, or its coding is not decoded this way; a `BodyDecoder` finds out which
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

/** RFC 9110 §8.4.1.2: deflate means the zlib format, but many send raw deflate; the first byte tells them apart. */
export function isZlib(encoded: Buffer): boolean {
  return ((encoded[0] ?? 0) & 0x0f) === 8;
}
