import { type M2shToken, m2shTokens } from './m2sh-lexer.ts';
import { M2shError, type M2shPlace } from './m2sh-place.ts';

/** A value of an m2sh configuration. */
export type M2shValue = { readonly place: M2shPlace } & (
  | { readonly kind: 'text' | 'number' | 'name'; readonly text: string }
  | { readonly kind: 'list'; readonly items: readonly M2shValue[] }
  | { readonly kind: 'dict'; readonly entries: readonly M2shEntry[] }
  | M2shClass
);

/** `Class(field = value, …)`. */
export interface M2shClass {
  readonly kind: 'class';
  readonly place: M2shPlace;
  readonly name: string;
  readonly entries: readonly M2shEntry[];
}

/** A name or key, and its value. */
export interface M2shEntry {
  readonly key: string;
  /** That of the key. */
  readonly place: M2shPlace;
  readonly value: M2shValue;
}

/** Maximum nesting of values; a site needs seven. */
const MAX_DEPTH = 32;

/**
 * The assignments of an m2sh configuration.
 * @throws M2shError at the first token that does not belong where it is
 */
export function parseM2sh(text: string): M2shEntry[] {
  const parser = new M2shParser(m2shTokens(text));
  return parser.assignments();
}

class M2shParser {
  readonly #tokens: readonly M2shToken[];
  #at = 0;
  #depth = 0;

  constructor(tokens: readonly M2shToken[]) {
    this.#tokens = tokens;
  }

  assignments(): M2shEntry[] {
    const entries: M2shEntry[] = [];
    while (this.#next().kind !== 'end') entries.push(this.#assignment());
    return entries;
  }

  #assignment(): M2shEntry {
    const { text, place } = this.#take(['name'], 'a name');
    this.#take(['='], '"="');
    return { key: text, place, value: this.#value() };
  }

  #pair(): M2shEntry {
    const { text, place } = this.#take(['text'], 'a key in quotes');
    this.#take([':'], '":"');
    return { key: text, place, value: this.#value() };
  }

  #value(): M2shValue {
    const { kind, text, place } = this.#take(['text', 'number', 'name', 'class', '[', '{'], 'a value');
    if (++this.#depth > MAX_DEPTH) throw new M2shError(place, `more than ${MAX_DEPTH} values inside each other`);
    const value = this.#rest(kind, text, place);
    this.#depth--;
    return value;
  }

  #rest(kind: M2shToken['kind'], text: string, place: M2shPlace): M2shValue {
    if (kind === '[') return { kind: 'list', place, items: this.#elements(']', () => this.#value()) };
    if (kind === '{') return { kind: 'dict', place, entries: this.#elements('}', () => this.#pair()) };
    if (kind !== 'class') return { kind: kind as 'text' | 'number' | 'name', place, text };
    this.#take(['('], `"(" after ${text}, which begins with a capital and so names a class`);
    return { kind: 'class', place, name: text, entries: this.#elements(')', () => this.#assignment()) };
  }

  /** What is before `end`. A comma may stand before each element, and none after the last. */
  #elements<T>(end: ')' | ']' | '}', element: () => T): T[] {
    const elements: T[] = [];
    while (this.#next().kind !== end) {
      if (this.#next().kind === ',') this.#at++;
      elements.push(element());
    }
    this.#at++;
    return elements;
  }

  #take(kinds: readonly M2shToken['kind'][], expected: string): M2shToken {
    const token = this.#next();
    if (!kinds.includes(token.kind)) throw new M2shError(token.place, `expected ${expected}, got ${shownToken(token)}`);
    this.#at++;
    return token;
  }

  #next(): M2shToken {
    return this.#tokens[this.#at] as M2shToken;
  }
}

function shownToken({ kind, text }: M2shToken): string {
  if (kind === 'end') return 'the end of the file';
  return kind === 'text' ? 'a text' : JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
