import { InputError } from '../codec/input-error/index.ts';

/** A filter that cannot be applied: its item does not reach the client. */
export class FilterError extends InputError {
  override readonly name = 'FilterError';
}

const PERCENT = 0x25;
const OPEN = 0x28;
const CLOSE = 0x29;
const BACKSLASH = 0x5c;

/**
 * What a directive of a template stands for.
 * @param letter after the percent sign and the argument
 * @param argument in parentheses; null for none
 * @returns null for a directive that there is not
 */
export type Directive = (letter: string, argument: string | null) => string | null;

/**
 * Fills in a template of GRIP's filters: `%x` and `%(argument)x` are directives, `%%` is a percent sign, and in an argument a backslash
 * quotes the next character. The content itself is returned where it has no percent sign.
 * @throws FilterError for an unknown directive and one that does not end
 */
export function fillTemplate(filter: string, content: Buffer, directive: Directive): Buffer {
  let at = content.indexOf(PERCENT);
  if (at < 0) return content;
  const parts: Buffer[] = [];
  let start = 0;
  while (at >= 0) {
    parts.push(content.subarray(start, at));
    let position = at + 1;
    let argument: string | null = null;
    if (content[position] === OPEN) {
      const bytes: number[] = [];
      for (position++; position < content.length && content[position] !== CLOSE; position++) {
        if (content[position] === BACKSLASH) position++;
        if (position < content.length) bytes.push(content[position] as number);
      }
      position++;
      argument = Buffer.from(bytes).toString();
    }
    if (position >= content.length) throw new FilterError(`filter error: ${filter}: directive does not end`);
    const letter = String.fromCharCode(content[position] as number);
    const text = letter === '%' && argument === null ? '%' : directive(letter, argument);
    if (text === null) throw new FilterError(`filter error: ${filter}: unknown directive`);
    parts.push(Buffer.from(text));
    start = position + 1;
    at = content.indexOf(PERCENT, start);
  }
  parts.push(content.subarray(start));
  return Buffer.concat(parts);
}

/** How many bytes of the content there are before the beginning of a directive whose end is not in it. */
export function wholeDirectives(content: Buffer): number {
  let at = content.indexOf(PERCENT);
  while (at >= 0) {
    let position = at + 1;
    if (content[position] === OPEN) {
      for (position++; position < content.length && content[position] !== CLOSE; position++) {
        if (content[position] === BACKSLASH) position++;
      }
      position++;
    }
    if (position >= content.length) return at;
    at = content.indexOf(PERCENT, position + 1);
  }
  return content.length;
}
