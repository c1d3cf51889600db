import { MAX_LENGTH_DIGITS } from './marks.ts';
import { TnetstringError } from './tnetstring-error.ts';

/** Bytes of at least so many are a piece of their own: a copy would cost more than a piece does. */
export const PIECE_BYTES = 16_384;

/**
 * Writes maps, one at a time. Elements are put together as latin1 text and become bytes all at once, by one call: writing them byte by
 * byte into a Buffer takes several times as long. Bytes that are given as such are copied once, at the end. A map that was not ended
 * is forgotten.
 */
export class MapWriter {
  #prefix = '';
  /** What is written behind the last piece. */
  #text = '';
  /** What is written before `#text`: texts, and the bytes between them; null if there are none. */
  #pieces: (string | Uint8Array)[] | null = null;
  /** Bytes of the pieces. */
  #pieceBytes = 0;

  /** Begins a map. @param prefix latin1 text that stands in front of the tnetstring in the same Buffer */
  begin(prefix: string): void {
    this.#prefix = prefix;
    this.#text = '';
    this.#pieces = null;
    this.#pieceBytes = 0;
  }

  /** Adds elements that are written already, as latin1 text. */
  elements(text: string): void {
    this.#text += text;
  }

  /** The same for elements that are bytes. They must not change before the end. */
  elementBytes(value: Uint8Array): void {
    this.#pieces ??= [];
    this.#pieces.push(this.#text, value);
    this.#pieceBytes += this.#text.length + value.length;
    this.#text = '';
  }

  /** Adds a byte string of latin1 text; no character may be over U+00FF. */
  text(value: string): void {
    this.#text += `${value.length}:${value},`;
  }

  /** Adds a byte string. It must not change before the end. */
  bytes(value: Uint8Array): void {
    this.#text += `${value.length}:`;
    this.elementBytes(value);
    this.#text = ',';
  }

  /** Adds an integer, which must be a safe one and not negative. */
  integer(value: number): void {
    this.#text += integerElement(value);
  }

  /**
   * Ends the map.
   * @returns prefix and tnetstring, as latin1 text if the map holds nothing that was given as bytes
   * @throws TnetstringError if the map has more bytes than a length can say
   */
  endText(): Buffer | string {
    if (this.#pieces !== null) return this.end();
    return `${this.#beginning()}${this.#text}}`;
  }

  /** As `endText`, always as bytes. */
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

  /** As `end`, in pieces: large bytes are not copied, each is a piece of its own, and must not change any more. */
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
    if (digits.length > MAX_LENGTH_DIGITS) throw new TnetstringError(`${length} bytes are too many for a map`);
    return `${this.#prefix}${digits}:`;
  }
}

/** The element of a safe integer that is not negative. */
export function integerElement(value: number): string {
  const digits = String(value);
  return `${digits.length}:${digits}#`;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
