/** Seconds of each unit of durations. */
export const SECONDS = { ms: 0.001, s: 1, m: 60, h: 3_600, d: 86_400 } as const;

/** Bytes of each unit of sizes. As in most configurations of servers, 1 KB is 1,024 bytes. */
export const BYTES = { B: 1, KB: 1_024, MB: 1_048_576, GB: 1_073_741_824 } as const;

const QUANTITY = /^(\d{1,15}(?:\.\d{1,9})?) ?([A-Za-z]{1,2})$/;

/** The number that a text with a unit, such as "60s" or "4 MB", stands for; null for any other text. */
export function withUnit(text: string, units: Readonly<Record<string, number>>): number | null {
  const [, digits, unit = ''] = QUANTITY.exec(text) ?? [];
  if (digits === undefined || !Object.hasOwn(units, unit)) return null;
  const factor = units[unit] as number;
  // Not times 0.001, which is not exact: 250ms is 0.25.
  return factor < 1 ? Number(digits) / Math.round(1 / factor) : Number(digits) * factor;
}
