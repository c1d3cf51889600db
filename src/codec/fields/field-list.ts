/**
 * Header fields as one flat list `[name, value, name, value, …]` of latin1 strings (RFC 9110 §5). Names are compared without
 * regard to case (§5.1).
 */
export type FieldList = readonly string[];

/** Whether `name` is `lower` in any case; `lower` must be lower-case. */
export function nameIs(name: string, lower: string): boolean {
  return name.length === lower.length && (name === lower || name.toLowerCase() === lower);
}

/** Whether `name` starts with `lower` in any case; `lower` must be lower-case. */
export function nameStartsWith(name: string, lower: string): boolean {
  return name.length >= lower.length && name.slice(0, lower.length).toLowerCase() === lower;
}

/** Bytes of all names and values. */
export function listBytes(headers: FieldList): number {
  let bytes = 0;
  for (let i = 0; i < headers.length; i++) bytes += (headers[i] as string).length;
  return bytes;
}

/** The first value of the field `lower` (a lower-case name), or undefined. */
export function fieldValue(headers: FieldList, lower: string): string | undefined {
  for (let i = 0; i < headers.length; i += 2) {
    if (nameIs(headers[i] as string, lower)) return headers[i + 1];
  }
  return undefined;
}

/** Whether the content has this media type, whatever its parameters are. @param lower the type in lower case */
export function hasMediaType(headers: FieldList, lower: string): boolean {
  const value = fieldValue(headers, 'content-type');
  if (value === undefined) return false;
  const end = value.indexOf(';');
  return nameIs(trimmed(value, 0, end < 0 ? value.length : end), lower);
}

/** All values of the field `lower` (a lower-case name), in order. */
export function fieldValues(headers: FieldList, lower: string): string[] {
  const values: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    if (nameIs(headers[i] as string, lower)) values.push(headers[i + 1] as string);
  }
  return values;
}

/** The list without the fields whose lower-case name `drop` accepts. */
export function withoutFields(headers: FieldList, drop: (lowerName: string) => boolean): string[] {
  const kept: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    if (!drop(name.toLowerCase())) kept.push(name, headers[i + 1] as string);
  }
  return kept;
}

/**
 * The members of comma-separated lists (RFC 9110 §5.6.1) without the spaces and tabs around them, empty ones left out. Commas
 * inside quotes do not count.
 */
export function listMembers(values: readonly string[]): string[] {
  const members: string[] = [];
  for (const value of values) {
    let start = 0;
    let quoted = false;
    for (let i = 0; i <= value.length; i++) {
      const char = value[i];
      if (char === '"') quoted = !quoted;
      else if (quoted && char === '\\') i++;
      if (i >= value.length || (char === ',' && !quoted)) {
        const member = trimmed(value, start, i);
        if (member !== '') members.push(member);
        start = i + 1;
      }
    }
  }
  return members;
}

/** The codings of a content in the order in which they were applied (RFC 9110 §8.4), without `identity`, which changes nothing. */
export function contentCodings(headers: FieldList): string[] {
  return listMembers(fieldValues(headers, 'content-encoding')).filter((coding) => !nameIs(coding, 'identity'));
}

/**
 * The part of `text` between `start` and `end` without surrounding white space. OWS is only space and tab (RFC 9110 §5.6.3); other characters that
 * `String.trim` removes, such as U+00A0, are content here.
 */
export function trimmed(text: string, start: number, end: number): string {
  let from = start;
  let to = end;
  while (from < to && isSpace(text.charCodeAt(from))) from++;
  while (to > from && isSpace(text.charCodeAt(to - 1))) to--;
  return text.slice(from, to);
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
