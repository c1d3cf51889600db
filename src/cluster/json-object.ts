/** An object of JSON whose members are not known yet. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** The JSON object in a message; null if that is anything else. */
export function jsonObject(message: Uint8Array): JsonObject | null {
  const text = Buffer.from(message.buffer, message.byteOffset, message.length).toString();
  try {
    return objectOf(JSON.parse(text));
  } catch {
    return null;
  }
}

/** A value of JSON, if it is an object; else null. */
export function objectOf(value: unknown): JsonObject | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : null;
}

/** Whether a value of JSON is a whole number from 0 on. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Whether it is one from 1 on, as the numbers of items are. */
export function isPositive(value: unknown): value is number {
  return isCount(value) && value > 0;
}
