import { trimmed } from '../fields/index.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const BACKSLASH = 0x5c;

/**
 * The elements of comma-separated field values (RFC 9110 §5.6.1), trimmed. Commas inside quotes do not count. Empty elements are
 * kept, for GRIP refuses them; only a value that is empty or ends in a comma has none there.
 */
export function listElements(values: readonly string[]): string[] {
  const elements: string[] = [];
  for (const value of values) {
    let start = 0;
    let quoted = false;
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (code === QUOTE) quoted = !quoted;
      else if (quoted && code === BACKSLASH) i++;
      else if (!quoted && code === COMMA) {
        elements.push(trimmed(value, start, i));
        start = i + 1;
      }
    }
    const last = trimmed(value, start, value.length);
    if (last !== '') elements.push(last);
  }
  return elements;
}

/** What stands before the first semicolon, trimmed: GRIP takes it as it is, quotes and equals signs included. */
export function leadingText(element: string): string {
  return trimmed(element, 0, nextSemicolon(element, 0));
}

/**
 * The parameters after the first semicolon (RFC 9110 §5.6.6) as a flat `[name, value, …]` list, which `fieldValue` reads. One
 * without an equals sign has an empty value.
 * @returns null when a quote is not closed
 */
export function trailingParameters(element: string): string[] | null {
  return parseParameters(element, nextSemicolon(element, 0) + 1);
}

/** As `trailingParameters`, from `start` on. */
export function parseParameters(text: string, start: number): string[] | null {
  const parameters: string[] = [];
  let position = start;
  while (position < text.length) {
    const nameStart = position;
    while (position < text.length && text.charCodeAt(position) !== EQUALS && text.charCodeAt(position) !== SEMICOLON) {
      position++;
    }
    const name = trimmed(text, nameStart, position);
    let value = '';
    if (text.charCodeAt(position) === EQUALS) {
      const valueStart = position + 1;
      if (text.charCodeAt(valueStart) === QUOTE) {
        const end = closingQuote(text, valueStart);
        if (end < 0) return null;
        value = unquoted(text, valueStart + 1, end);
        // What follows a closing quote means nothing.
        position = nextSemicolon(text, end);
      } else {
        position = nextSemicolon(text, valueStart);
        value = trimmed(text, valueStart, position);
      }
    }
    parameters.push(name, value);
    position++;
  }
  return parameters;
}

function nextSemicolon(text: string, start: number): number {
  const semicolon = text.indexOf(';', start);
  return semicolon < 0 ? text.length : semicolon;
}

/** Where the quoted string that opens at `start` closes, or -1. */
function closingQuote(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) return i;
    if (code === BACKSLASH) i++;
  }
  return -1;
}

/** RFC 9110 §5.6.4: a backslash stands for the character after it. */
function unquoted(text: string, start: number, end: number): string {
  let value = '';
  let from = start;
  for (let i = start; i < end; i++) {
    if (text.charCodeAt(i) !== BACKSLASH) continue;
    value += text.slice(from, i);
    from = ++i;
  }
  return value + text.slice(from, end);
}
