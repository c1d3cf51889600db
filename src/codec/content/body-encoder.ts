import * as zlib from 'node:zlib';
import type { CallGuard } from '../calls/index.ts';

/** Content codings that bodies are encoded with here. */
export type EncodedCoding = 'gzip' | 'br';

/** Receives encoded bytes. */
export interface EncodedBody {
  /** Encoded bytes, however many: what is given to the encoder bounds them. */
  onEncoded(chunk: Buffer, more: boolean): void;
  /** This many bytes of the body have been encoded: there is room for as many more. */
  onPlainTaken(bytes: number): void;
}

/** Bytes of memory that an encoder takes, as measured: windows, tables and buffers. */
export const ENCODER_BYTES: { readonly [C in EncodedCoding]: number } = { gzip: 196_608, br: 1_048_576 };

const { constants } = zlib;

const EMPTY: Buffer = Buffer.alloc(0);

/** Encodes a body in zlib's own threads. Whatever is written by itself can be decoded as soon as it has come out. */
export class BodyEncoder {
  readonly #stream: zlib.Gzip | zlib.BrotliCompress;
  readonly #to: EncodedBody;
  readonly #guard: CallGuard;
  #over = false;

  /** @param guard wraps what zlib calls */
  constructor(coding: EncodedCoding, to: EncodedBody, guard: CallGuard) {
    this.#to = to;
    this.#guard = guard;
    this.#stream = newStream(coding);
    this.#stream.on(
      'data',
      guard((chunk: Buffer) => {
        if (!this.#over) to.onEncoded(chunk, true);
      }),
    );
    this.#stream.on(
      'end',
      guard(() => {
        if (this.#over) return;
        this.#over = true;
        to.onEncoded(EMPTY, false);
      }),
    );
    this.#stream.on(
      'error',
      guard((error: Error) => {
        if (!this.#over) throw error;
      }),
    );
  }

  /** @param chunk at least one byte */
  write(chunk: Buffer): void {
    this.#stream.write(
      chunk,
      this.#guard(() => {
        if (!this.#over) this.#to.onPlainTaken(chunk.length);
      }),
    );
  }

  /** Nothing more is written. */
  end(): void {
    this.#stream.end();
  }

  /** Frees its memory. Nothing is called after this. */
  destroy(): void {
    this.#over = true;
    this.#stream.destroy();
  }
}

function newStream(coding: EncodedCoding): zlib.Gzip | zlib.BrotliCompress {
  if (coding === 'gzip') return zlib.createGzip({ windowBits: 14, memLevel: 7, flush: constants.Z_SYNC_FLUSH });
  const params = { [constants.BROTLI_PARAM_QUALITY]: 4, [constants.BROTLI_PARAM_LGWIN]: 18 };
  return zlib.createBrotliCompress({ params, flush: constants.BROTLI_OPERATION_FLUSH });
}
