import * as zlib from 'node:zlib';
import type { CallGuard } from '../calls/index.ts';
import { ContentError } from './content-error.ts';
import { isZlib } from './decode-at-once.ts';

/** Takes what a decoder makes of the encoded bytes. */
export interface DecodedBody {
  onDecoded(chunk: Buffer): void;
  /** Comes early when bytes follow that are no part of the encoding any more. */
  onDecodedEnd(): void;
  onDecodingError(error: ContentError): void;
}

type DecoderStream = ReturnType<typeof zlib.createGunzip>;

/** Only later versions of Node than those that this runs on at least have zstd. */
const { createZstdDecompress } = zlib as { createZstdDecompress?: () => DecoderStream };

const CODINGS: ReadonlySet<string> = new Set(
  ['gzip', 'x-gzip', 'deflate', 'br'].concat(createZstdDecompress === undefined ? [] : ['zstd']),
);

/** Value of an Accept-Encoding field that asks for the codings that can be undone here (RFC 9110 §12.5.3). */
export const ACCEPTED_CODINGS = [...CODINGS].filter((coding) => coding !== 'x-gzip').join(', ');

/** Whether a content coding can be undone here; its name counts in any case. */
export function isDecodable(coding: string): boolean {
  return CODINGS.has(coding.toLowerCase());
}

/**
 * Undoes a content coding (RFC 9110 §8.4.1) piece by piece, so that a small input that grows huge never does so in memory. Behind a gzip
 * member may stand another one, or zeros. What stands behind the end of the other codings is ignored.
 */
export class BodyDecoder {
  readonly #coding: string;
  readonly #to: DecodedBody;
  readonly #guard: CallGuard;
  #stream: DecoderStream | null = null;
  #over = false;

  /**
   * @param guard wraps what zlib calls
   * @throws ContentError for a coding that cannot be undone
   */
  constructor(coding: string, to: DecodedBody, guard: CallGuard) {
    this.#coding = coding.toLowerCase();
    this.#to = to;
    this.#guard = guard;
    if (!isDecodable(coding)) throw new ContentError(`encoded with ${coding}, which cannot be undone here`);
  }

  /** @param taken called when the bytes have been worked off and there is room for more */
  write(chunk: Buffer, taken: () => void): void {
    this.#stream ??= this.#open(chunk);
    this.#stream.write(chunk, this.#guard(taken));
  }

  end(): void {
    if (this.#stream !== null) this.#stream.end();
    else if (!this.#over) this.#to.onDecodedEnd();
  }

  /** Makes nothing until `resume`. */
  pause(): void {
    this.#stream?.pause();
  }

  resume(): void {
    this.#stream?.resume();
  }

  /** Forgets everything. */
  destroy(): void {
    this.#over = true;
    this.#stream?.destroy();
  }

  #open(first: Buffer): DecoderStream {
    const stream = this.#create(first);
    const guard = this.#guard;
    const onData = (chunk: Buffer) => {
      if (!this.#over) this.#to.onDecoded(chunk);
    };
    const onEnd = () => {
      if (!this.#over) this.#to.onDecodedEnd();
    };
    const onError = (error: Error) => {
      if (this.#over) return;
      this.#over = true;
      this.#to.onDecodingError(new ContentError(`not valid ${this.#coding}: ${error.message}`));
    };
    return stream.on('data', guard(onData)).on('end', guard(onEnd)).on('error', guard(onError));
  }

  #create(first: Buffer): DecoderStream {
    if (this.#coding === 'br') return zlib.createBrotliDecompress({ flush: zlib.constants.BROTLI_OPERATION_FLUSH });
    if (this.#coding === 'zstd' && createZstdDecompress !== undefined) return createZstdDecompress();
    if (this.#coding !== 'deflate') return zlib.createGunzip();
    return isZlib(first) ? zlib.createInflate() : zlib.createInflateRaw();
  }
}
