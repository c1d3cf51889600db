/** Whether a text is safe in a log line, and can be written in TOML: no control characters, no lone surrogates. */
export function isPlainText(text: string): boolean {
  return /^[^\p{Cc}\p{Cs}]*$/u.test(text);
}

/** A value as a message shows it: short, on one line, and without the user and password of a URL. */
export function shown(value: unknown): string {
  if (typeof value === 'string') {
    const text = value.replace(/:\/\/[^/?#]*@/, '://…@');
    return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
  }
  if (Array.isArray(value)) return 'a list';
  if (value instanceof Date) return 'a date';
  if (isTable(value)) return 'a table';
  return String(value);
}

/** Whether a value read from TOML is a table. */
export function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
