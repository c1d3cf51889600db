/** Bytes of a file: from `start` up to, but not, `end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** Ranges of one request beyond which it is responded with the whole file. */
const MAX_RANGES = 32;

const SPECIFIER = /^(\d*)-(\d*)$/;

/**
 * The ranges that a Range field asks for (RFC 9110 §14.2), those that the file has, in their order.
 * @returns null if the field is to be ignored: another unit, malformed, or so many or so large ranges that the whole file is less (§14.2
 *   permits to ignore it); an empty list if the file has none of the ranges
 */
export function parseRanges(field: string, size: number): ByteRange[] | null {
  // §14.1: units are compared without regard to case.
  if (field.slice(0, 6).toLowerCase() !== 'bytes=') return null;
  const specifiers = field.slice(6).split(',', MAX_RANGES * 2);
  const ranges: ByteRange[] = [];
  let named = 0;
  let bytes = 0;
  for (const specifier of specifiers) {
    const text = specifier.replace(/^[ \t]+|[ \t]+$/g, '');
    // RFC 9110 §5.6.1.2: empty members of a list are ignored.
    if (text === '') continue;
    const [, first = '', last = ''] = SPECIFIER.exec(text) ?? [];
    if (first === '' && last === '') return null;
    if (++named > MAX_RANGES) return null;
    // Digits beyond the exact numbers still compare as larger than any file.
    const start = first === '' ? Math.max(0, size - Number(last)) : Number(first);
    const end = first === '' || last === '' ? size : Math.min(size, Number(last) + 1);
    // §14.1.1: an int-range whose last position is before its first is invalid.
    if (first !== '' && last !== '' && Number(last) < start) return null;
    if (start >= end) continue;
    ranges.push({ start, end });
    bytes += end - start;
  }
  if (named === 0 || specifiers.length >= MAX_RANGES * 2) return null;
  return ranges.length > 1 && bytes > size ? null : ranges;
}
