import { FIELDS } from './packet-fields.ts';

/** Lists that are remembered at a time. */
const SLOTS = 64;

/** Longer lists are not kept as text. */
const MAX_TEXT = 2_048;

interface Slot {
  headers: readonly string[];
  /** Empty until the list has come a second time. */
  text: string;
}

/**
 * Header lists as fields of packets. The reader of HTTP/1 gives the same list again for header fields that are byte for byte those of an
 * earlier request, as most on one connection are; so a list is known by its identity, and written out once. Lists are not changed.
 */
export class HeaderTexts {
  readonly #slots: Slot[] = Array.from({ length: SLOTS }, () => ({ headers: [], text: '' }));

  /** The field `headers` with its key. */
  field(headers: readonly string[]): string {
    const slot = this.#slots[slotOf(headers)] as Slot;
    if (slot.headers !== headers) {
      slot.headers = headers;
      slot.text = '';
      return fieldText(headers);
    }
    if (slot.text !== '') return slot.text;
    const text = fieldText(headers);
    if (text.length <= MAX_TEXT) slot.text = flat(text);
    return text;
  }
}

function slotOf(headers: readonly string[]): number {
  return (headers.length * 5 + (headers[1] as string).length * 7 + (headers.at(-1) as string).length * 11) % SLOTS;
}

function fieldText(headers: readonly string[]): string {
  let list = '';
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    const value = headers[i + 1] as string;
    const pair = `${name.length}:${name},${value.length}:${value},`;
    list += `${pair.length}:${pair}]`;
  }
  return `${FIELDS.headers.key}${list.length}:${list}]`;
}

/** The same text, as one piece that holds on to no other string. */
function flat(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}
