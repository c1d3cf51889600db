import { constants, createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from 'node:zlib';
import { ExchangeError } from '../exchange/index.ts';

/** Takes what a decoder makes of the encoded bytes. */
export interface DecodedBody {
  onDecoded(chunk: Buffer): void;
  onDecodedEnd(): void;
  onDecodingError(error: ExchangeError): void;
}

/** Undoes a content coding (RFC 9110 §8.4.1) piece by piece, so that a small input that grows huge never does so in memory. */
export class BodyDecoder {
  readonly #coding: string;
  readonly #to: DecodedBody;
  #stream: ReturnType<typeof createGunzip> | null = null;
  #over = false;

  /** @throws ExchangeError HF_GRIP_INVALID for a coding that is not gzip, deflate or br */
  constructor(coding: string, to: DecodedBody) {
    this.#coding = coding.toLowerCase();
    this.#to = to;
    if (!['gzip', 'x-gzip', 'deflate', 'br'].includes(this.#coding)) {
      throw new ExchangeError(
        'HF_GRIP_INVALID',
        `the GRIP response is encoded with ${coding}, which cannot be undone here`,
      );
    }
  }

  /** @param taken called when the bytes have been worked off and there is room for more */
  write(chunk: Buffer, taken: () => void): void {
    this.#stream ??= this.#open(chunk);
    this.#stream.write(chunk, taken);
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

  #open(first: Buffer): ReturnType<typeof createGunzip> {
    const stream = this.#create(first);
    stream.on('data', (chunk: Buffer) => {
      if (!this.#over) this.#to.onDecoded(chunk);
    });
    stream.on('end', () => {
      if (!this.#over) this.#to.onDecodedEnd();
    });
    stream.on('error', (error: Error) => {
      if (this.#over) return;
      this.#over = true;
      this.#to.onDecodingError(
        new ExchangeError('HF_GRIP_INVALID', `the GRIP response is not valid ${this.#coding}: ${error.message}`),
      );
    });
    return stream;
  }

  #create(first: Buffer): ReturnType<typeof createGunzip> {
    if (this.#coding === 'br') return createBrotliDecompress({ flush: constants.BROTLI_OPERATION_FLUSH });
    if (this.#coding !== 'deflate') return createGunzip();
    // RFC 9110 §8.4.1.2: deflate means the zlib format, but many send the bare one; the first byte tells them apart.
    return ((first[0] ?? 0) & 0x0f) === 8 ? createInflate() : createInflateRaw();
  }
}
