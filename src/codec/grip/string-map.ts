/** A map for names that come from outside: nothing is found in it but what was put there, `__proto__` included. */
export function stringMap(): Record<string, string> {
  return Object.create(null) as Record<string, string>;
}

/** Shared by all items without metadata, and empty. */
export const NO_META: Readonly<Record<string, string>> = Object.freeze(stringMap());
