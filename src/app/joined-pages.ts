/** A part of a list that is in the order of the keys of its entries. */
export interface ListPart<Entry> {
  readonly entries: readonly Entry[];
  /** The key of the last entry, if others follow; null if none do. */
  readonly next: string | null;
}

/** Bytes of an answer besides its entries. */
const FRAME = 1_024;

/**
 * The beginning of several lists as one list. Each part has as many entries as its list had, or `limit`, or its `next` is before what is missing.
 * @param keyOf the key of an entry: the lists are in the order of their keys, as UTF-16
 * @param sumOf makes one entry of two with the same key. Default: the first of them
 */
export function joinedParts<Entry>(
  parts: readonly ListPart<Entry>[],
  limit: number,
  keyOf: (entry: Entry) => string,
  sumOf: (one: Entry, other: Entry) => Entry = (one) => one,
): ListPart<Entry> {
  // Beyond the end of a part its list may have entries that are not here.
  const ends = parts.flatMap(({ next }) => next ?? []);
  const end = ends.reduce<string | null>((first, next) => (first === null || next < first ? next : first), null);
  const byKey = new Map<string, Entry>();
  for (const entry of parts.flatMap(({ entries }) => entries)) {
    const key = keyOf(entry);
    if (end !== null && key > end) continue;
    const known = byKey.get(key);
    byKey.set(key, known === undefined ? entry : sumOf(known, entry));
  }
  const keys = [...byKey.keys()].sort();
  const shown = keys.slice(0, limit);
  const isMore = keys.length > limit || end !== null;
  return { entries: shown.map((key) => byKey.get(key) as Entry), next: isMore ? (shown.at(-1) ?? end) : null };
}

/** As many entries from the beginning of a part as an answer of so many bytes has room for. Without room for the first one: all, which are too large. */
export function fittingPart<Entry>(
  part: ListPart<Entry>,
  keyOf: (entry: Entry) => string,
  maxBytes: number,
): ListPart<Entry> {
  let bytes = FRAME;
  for (const [i, entry] of part.entries.entries()) {
    bytes += Buffer.byteLength(JSON.stringify(entry)) + 1;
    if (bytes <= maxBytes) continue;
    const last = part.entries[i - 1];
    return last === undefined ? part : { entries: part.entries.slice(0, i), next: keyOf(last) };
  }
  return part;
}
