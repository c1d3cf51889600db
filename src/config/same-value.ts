/** Whether two values of a configuration are the same: texts, numbers, and lists and tables of them. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    for (let i = 0; i < a.length; i++) if (!sameValue(a[i], b[i])) return false;
    return true;
  }
  if (Array.isArray(b)) return false;
  let keys = 0;
  for (const key in a) {
    if (!Object.hasOwn(b, key)) return false;
    if (!sameValue(a[key as keyof typeof a], b[key as keyof typeof b])) return false;
    keys++;
  }
  for (const _key in b) keys--;
  return keys === 0;
}
