/** Maximum timeout in seconds: what fits 32 bits, as in Pushpin. */
export const MAX_SECONDS = 2_147_483_647;

/** The integer that `text` holds, an optional sign and at most 15 digits; else null. */
export function parseInteger(text: string): number | null {
  return /^[+-]?\d{1,15}$/.test(text) ? Number(text) : null;
}

/** A JSON value as an integer, if it is one or a string that holds one; else null. */
export function integerOf(value: unknown): number | null {
  if (typeof value === 'string') return parseInteger(value);
  return Number.isSafeInteger(value) ? (value as number) : null;
}
