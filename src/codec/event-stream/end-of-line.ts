/** Line feed. A line of an event stream ends with LF, CR or CR LF (HTML Living Standard §9.2.5). */
export const LF = 0x0a;
/** Carriage return. */
export const CR = 0x0d;

/** Bytes of a line that are looked at one by one: a native search costs as much. */
const NEAR = 32;

/**
 * Index of the next CR or LF, or else the length of the chunk.
 * @param from index to start at
 * @param hasCr whether the chunk contains a CR: without one, the search of a long line is native
 */
export function endOfLine(chunk: Buffer, from: number, hasCr: boolean): number {
  const { length } = chunk;
  const end = hasCr ? length : Math.min(from + NEAR, length);
  for (let at = from; at < end; at++) {
    const byte = chunk[at] as number;
    if (byte === LF || byte === CR) return at;
  }
  if (end === length) return length;
  const found = chunk.indexOf(LF, end);
  return found < 0 ? length : found;
}
