import * as zlib from 'node:zlib';
import { isZlib } from './decode-at-once.ts';

export type DecoderStream = ReturnType<typeof zlib.createGunzip>;

/** Node has zstd since version 22.15. */
const { createZstdDecompress } = zlib as {
  createZstdDecompress?: (options: { params: Record<number, number> }) => DecoderStream;
};

/** Number of zstd's parameter `ZSTD_d_windowLogMax`. */
const WINDOW_LOG_MAX = 100;

/** RFC 9659 §3: a decoder need not support windows of zstd over 8 MB. */
const ZSTD_WINDOW_LOG = 23;

const CODINGS: ReadonlySet<string> = new Set(
  ['gzip', 'x-gzip', 'deflate', 'br'].concat(createZstdDecompress === undefined ? [] : ['zstd']),
);

/** Value of an Accept-Encoding field that asks for the codings supported here (RFC 9110 §12.5.3). */
export const ACCEPTED_CODINGS = [...CODINGS].filter((coding) => coding !== 'x-gzip').join(', ');

/** Whether a content coding is supported here; names are case-insensitive. */
export function isDecodable(coding: string): boolean {
  return CODINGS.has(coding.toLowerCase());
}

/** A stream that decodes `coding`, which is supported and in lower case. @param first encoded bytes, at least one */
export function openDecoderStream(coding: string, first: Buffer): DecoderStream {
  if (coding === 'br') return zlib.createBrotliDecompress({ flush: zlib.constants.BROTLI_OPERATION_FLUSH });
  if (coding === 'zstd' && createZstdDecompress !== undefined) {
    return createZstdDecompress({ params: { [WINDOW_LOG_MAX]: ZSTD_WINDOW_LOG } });
  }
  if (coding !== 'deflate') return zlib.createGunzip();
  return isZlib(first) ? zlib.createInflate() : zlib.createInflateRaw();
}

/**
 * Bytes of decoded data that the decoder keeps for back references. gzip and deflate use 32 KB; a br encoder chooses up to 16 MB, and the decoder
 * fills the window before it outputs anything.
 */
export function windowBytes(coding: string, first: Buffer): number {
  if (coding === 'br') return brotliWindow(first[0] as number);
  return coding === 'zstd' ? 1 << ZSTD_WINDOW_LOG : 32_768;
}

/** RFC 7932 §9.1: the first one to seven bits, least significant first, give the size of the window. */
function brotliWindow(first: number): number {
  if ((first & 1) === 0) return 1 << 16;
  const n = (first >> 1) & 7;
  if (n !== 0) return 1 << (17 + n);
  const m = (first >> 4) & 7;
  return 1 << (m === 0 ? 17 : 8 + m);
}
