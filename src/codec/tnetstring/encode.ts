import { TnetstringError } from './tnetstring-error.ts';
import { DEFAULT_TNETSTRING_LIMITS } from './tnetstring-limits.ts';

/** Values that can be encoded. Strings become UTF-8 byte strings, which are decoded as Buffers. */
export type TnetstringInput =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | readonly TnetstringInput[]
  | { readonly [key: string]: TnetstringInput };

/**
 * Encodes a value as one tnetstring. Safe integers are written as integers, other numbers as floats.
 * @throws TnetstringError for NaN and the infinities, and for lists and maps nested more deeply than are decoded by default, so for a cycle too
 */
export function encode(value: TnetstringInput): Buffer {
  const pieces: Uint8Array[] = [];
  add(pieces, value, DEFAULT_TNETSTRING_LIMITS.maxDepth);
  return Buffer.concat(pieces.reverse());
}

/** Adds the pieces from last to first, so that each length is known when it is written. Returns the number of bytes. */
function add(pieces: Uint8Array[], value: TnetstringInput, depth: number): number {
  if (value === null) return addData(pieces, '', '~');
  if (typeof value === 'boolean') return addData(pieces, String(value), '!');
  if (typeof value === 'number') return addNumber(pieces, value);
  if (typeof value === 'string') return addData(pieces, value, ',');
  if (value instanceof Uint8Array) return addData(pieces, value, ',');
  if (depth === 0) throw new TnetstringError('lists and maps nested too deeply');
  const isList = Array.isArray(value);
  pieces.push(Buffer.from(isList ? ']' : '}'));
  let length = 0;
  if (isList) {
    for (let i = value.length - 1; i >= 0; i--) length += add(pieces, value[i] as TnetstringInput, depth - 1);
  } else {
    const members = value as { readonly [key: string]: TnetstringInput };
    for (const key of Object.keys(members).reverse()) {
      length += add(pieces, members[key] as TnetstringInput, depth - 1);
      length += addData(pieces, key, ',');
    }
  }
  return length + 1 + addLength(pieces, length);
}

function addNumber(pieces: Uint8Array[], value: number): number {
  if (!Number.isFinite(value)) throw new TnetstringError(`${value} cannot be encoded as a tnetstring`);
  // Negative zero is not written as an integer, which would lose its sign.
  if (Number.isSafeInteger(value) && !Object.is(value, -0)) return addData(pieces, String(value), '#');
  return addData(pieces, Object.is(value, -0) ? '-0' : String(value), '^');
}

function addData(pieces: Uint8Array[], data: string | Uint8Array, mark: string): number {
  const bytes = typeof data === 'string' ? Buffer.from(data) : data;
  pieces.push(Buffer.from(mark), bytes);
  return bytes.length + 1 + addLength(pieces, bytes.length);
}

function addLength(pieces: Uint8Array[], length: number): number {
  const text = `${length}:`;
  pieces.push(Buffer.from(text));
  return text.length;
}
