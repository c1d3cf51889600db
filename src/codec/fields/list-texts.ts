import type { FieldList } from './field-list.ts';

/** Number of lists remembered. */
const SLOTS = 64;

/** Longer texts are not kept. */
const MAX_TEXT = 2_048;

interface Slot {
  headers: FieldList;
  /** Null until the list has come a second time. */
  text: string | null;
}

/**
 * Header lists as text. Readers return the same list again for fields repeated byte for byte (see `RepeatedBlocks`), and lists never change: so a
 * list is known by its identity and written out once.
 */
export class ListTexts {
  readonly #write: (headers: FieldList) => string;
  readonly #slots: Slot[] = Array.from({ length: SLOTS }, () => ({ headers: [], text: null }));

  /** @param write returns latin1 text for a list; it may throw */
  constructor(write: (headers: FieldList) => string) {
    this.#write = write;
  }

  of(headers: FieldList): string {
    const slot = this.#slots[listSlot(headers, SLOTS)] as Slot;
    if (slot.headers !== headers) {
      slot.headers = headers;
      slot.text = null;
      return this.#write(headers);
    }
    if (slot.text !== null) return slot.text;
    const text = this.#write(headers);
    if (text.length <= MAX_TEXT) slot.text = flat(text);
    return text;
  }
}

/** The place of a list among so many that are known by their identity. */
export function listSlot(headers: FieldList, slots: number): number {
  const first = headers[1]?.length ?? 0;
  const last = headers[headers.length - 1]?.length ?? 0;
  return (headers.length * 5 + first * 7 + last * 11) % slots;
}

/** The same text, flat, so that it keeps no other string alive. */
function flat(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}
