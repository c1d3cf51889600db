import { parseJson } from './parse-json.ts';

/** The string that a JSON pointer (RFC 6901 §4) finds in a JSON text; null if it finds none. */
export function stringAt(text: Buffer, pointer: string): string | null {
  return stringIn(parseJson(text), pointer);
}

/** The same in the value of a JSON text. */
export function stringIn(root: unknown, pointer: string): string | null {
  let value = root;
  if (pointer !== '' && !pointer.startsWith('/')) return null;
  for (const part of pointer.split('/').slice(1)) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return null;
    value = (value as Record<string, unknown>)[name];
  }
  return typeof value === 'string' ? value : null;
}
