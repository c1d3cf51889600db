import { MAX_LENGTH_DIGITS } from './marks.ts';
import { TnetstringError } from './tnetstring-error.ts';

/** Byte strings of at least this size are pieces of their own: a copy would cost more. */
export const PIECE_BYTES = 16_384;

/** Shorter values become text like everything around them: joining bytes and text costs more. */
const TEXT_BYTES = 1_024;

/**
 * Writes maps, one at a time. Elements are joined as latin1 text and become bytes in one call: writing them byte by byte into a Buffer takes several
 * times as long. Values given as bytes are copied once, at the end. An unfinished map is dropped.
 */
export class MapWriter {
  #prefix = '';
  /** Text after the last piece. */
  #text = '';
  /** Pieces before `#text`: texts, and bytes between them; null without any. */
  #pieces: (string | Uint8Array)[] | null = null;
  /** Bytes of the pieces. */
  #pieceBytes = 0;

  /** Starts a map. @param prefix latin1 text before the tnetstring in the same Buffer */
  begin(prefix: string): void {
    this.#prefix = prefix;
    this.#text = '';
    this.#pieces = null;
    this.#pieceBytes = 0;
  }

  /** Adds elements that are already encoded, as latin1 text. */
  elements(text: string): void {
    this.#text += text;
  }

  /** The same for elements as bytes. They must not change before the end. */
  elementBytes(value: Uint8Array): void {
    if (value.length < TEXT_BYTES) {
      this.#text += asBuffer(value).toString('latin1');
      return;
    }
    this.#pieces ??= [];
    this.#pieces.push(this.#text, value);
    this.#pieceBytes += this.#text.length + value.length;
    this.#text = '';
  }

  /** Adds a byte string of latin1 text; no character may be above U+00FF. */
  text(value: string): void {
    this.#text += `${value.length}:${value},`;
  }

  /** Adds a byte string. It must not change before the end. */
  bytes(value: Uint8Array): void {
    this.#text += `${value.length}:`;
    this.elementBytes(value);
    this.#text += ',';
  }

  /** Adds a safe, non-negative integer. */
  integer(value: number): void {
    this.#text += integerElement(value);
  }

  /**
   * Ends the map.
   * @returns prefix and tnetstring, as latin1 text if no long value was given as bytes
   * @throws TnetstringError if the map is longer than a length can express
   */
  endText(): Buffer | string {
    if (this.#pieces !== null) return this.end();
    return `${this.#beginning()}${this.#text}}`;
  }

  /** Like `endText`, always as bytes. */
  end(): Buffer {
    const beginning = this.#beginning();
    const pieces = this.#pieces;
    if (pieces === null) return Buffer.from(`${beginning}${this.#text}}`, 'latin1');
    const buffer = Buffer.allocUnsafe(beginning.length + this.#pieceBytes + this.#text.length + 1);
    let at = buffer.write(beginning, 0, 'latin1');
    for (const piece of pieces) {
      if (typeof piece === 'string') {
        at += buffer.write(piece, at, 'latin1');
      } else {
        buffer.set(piece, at);
        at += piece.length;
      }
    }
    buffer.write(`${this.#text}}`, at, 'latin1');
    this.#pieces = null;
    return buffer;
  }

  /** Like `end`, in pieces: large byte strings are not copied; each is a piece of its own and must not change afterwards. */
  endPieces(): readonly Buffer[] {
    const buffers: Buffer[] = [];
    let text = this.#beginning();
    for (const piece of this.#pieces ?? []) {
      if (typeof piece === 'string') {
        text += piece;
      } else if (piece.length < PIECE_BYTES) {
        text += asBuffer(piece).toString('latin1');
      } else {
        buffers.push(Buffer.from(text, 'latin1'), asBuffer(piece));
        text = '';
      }
    }
    buffers.push(Buffer.from(`${text}${this.#text}}`, 'latin1'));
    this.#pieces = null;
    return buffers;
  }

  /** Prefix and length. */
  #beginning(): string {
    const length = this.#pieceBytes + this.#text.length;
    const digits = String(length);
    if (digits.length > MAX_LENGTH_DIGITS) throw new TnetstringError(`map of ${length} bytes is too long`);
    return `${this.#prefix}${digits}:`;
  }
}

/** Encodes a safe, non-negative integer. */
export function integerElement(value: number): string {
  const digits = String(value);
  return `${digits.length}:${digits}#`;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
