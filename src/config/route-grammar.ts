import { textError } from './config-error.ts';
import { shown } from './plain-text.ts';

/** One property in a section of a route line. */
export interface Property {
  readonly name: string;
  /** Text after the `=`; null without one. */
  readonly value: string | null;
}

/** The condition or one target of a route line. */
export interface RouteSection {
  /** The section as written. */
  readonly text: string;
  /** The first item without its quotes; empty if the section starts with a property or a comma. */
  readonly value: string;
  readonly properties: readonly Property[];
}

/**
 * Splits a route line: sections between white space, items between commas, quotes around any part (with `\\` and `\"` as the only escapes), a
 * comment after `#`. Throws a `ConfigError` for a line that does not follow this grammar.
 */
export function splitRouteLine(line: string): RouteSection[] {
  const sections: RouteSection[] = [];
  let at = 0;
  for (;;) {
    while (/\s/.test(line.charAt(at))) at++;
    if (at >= line.length || line[at] === '#') return sections;
    const start = at;
    const items: string[] = [];
    for (;;) {
      const item = readItem(line, at);
      items.push(item.text);
      at = item.end;
      if (line[at] !== ',') break;
      at++;
    }
    sections.push(section(line.slice(start, at), items));
  }
}

function section(text: string, items: string[]): RouteSection {
  const [first = '', ...rest] = items;
  // A first item with an equals sign is a property: the section then has no value.
  const isProperty = first.includes('=');
  return { text, value: isProperty ? '' : first, properties: (isProperty ? items : rest).map(property) };
}

function property(item: string): Property {
  const equals = item.indexOf('=');
  const name = equals === -1 ? item : item.slice(0, equals);
  if (item === '') throw textError('a comma must be followed by a property');
  if (name === '') throw textError(`the name is missing before ${shown(item)}`);
  return { name, value: equals === -1 ? null : item.slice(equals + 1) };
}

function readItem(line: string, start: number): { text: string; end: number } {
  let text = '';
  let quoted = false;
  let at = start;
  for (; at < line.length; at++) {
    const char = line.charAt(at);
    if (char === '"') quoted = !quoted;
    else if (!quoted && /[\s,#]/.test(char)) break;
    else if (quoted && char === '\\') text += escaped(line.charAt(++at));
    else text += char;
  }
  if (quoted) throw textError('unterminated quote');
  return { text, end: at };
}

function escaped(char: string): string {
  if (char !== '\\' && char !== '"') {
    throw textError(
      `between quotes a backslash may only come before a quote or a backslash, not before ${shown(char)}`,
    );
  }
  return char;
}
