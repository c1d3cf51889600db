/** A value as JSON of visible ASCII and spaces, which any field can carry (RFC 9110 §5.5). */
export function asciiJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(/[^ -~]/g, escaped);
}

/** RFC 8259 §7: one escape for each code unit of UTF-16. */
function escaped(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
