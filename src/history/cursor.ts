/** Where a client is in the log of all channels: it has every item up to this number, as far as they were for it. */
export interface Cursor {
  /** The run of numbers that the cursor belongs to. */
  readonly epoch: string;
  /** The number of the last item that it has or has skipped; from 0 to 2^53 - 1. */
  readonly number: number;
}

/** A cursor of no store: what a text stands for that is no cursor. A read from it is not recovered. */
export const LOST_CURSOR: Cursor = { epoch: '', number: 0 };

/** Characters of an epoch at most. */
const MAX_EPOCH = 32;

/** Digits of 2^53 - 1. */
const MAX_DIGITS = 16;

const [ZERO, NINE] = [48, 57];

/** The text of a cursor: `EPOCH-NUMBER`. */
export function formatCursor(epoch: string, number: number): string {
  return cursorBeginning(epoch) + number;
}

/** What the cursors of an epoch have in front of their numbers. */
export function cursorBeginning(epoch: string): string {
  return `${epoch}-`;
}

/**
 * Reads what `formatCursor` wrote.
 * @returns null for anything else: other characters, leading zeros, a number beyond 2^53 - 1
 */
export function parseCursor(text: string): Cursor | null {
  const dash = text.length > MAX_EPOCH + 1 + MAX_DIGITS ? -1 : text.indexOf('-');
  const digits = text.length - dash - 1;
  if (dash < 1 || dash > MAX_EPOCH || digits < 1 || digits > MAX_DIGITS) return null;
  for (let i = 0; i < dash; i++) if (!isLetterOrDigit(text.charCodeAt(i))) return null;
  if (digits > 1 && text.charCodeAt(dash + 1) === ZERO) return null;
  let number = 0;
  for (let i = dash + 1; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < ZERO || code > NINE) return null;
    number = number * 10 + (code - ZERO);
  }
  // Sixteen digits may be more than 2^53 - 1, but then the sum is, too: rounding never leads below it.
  return number > Number.MAX_SAFE_INTEGER ? null : { epoch: text.slice(0, dash), number };
}

function isLetterOrDigit(code: number): boolean {
  const lower = code | 0x20;
  return (code >= ZERO && code <= NINE) || (lower >= 97 && lower <= 122 && code >= 65);
}
