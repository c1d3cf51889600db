import {
  anyCharacter,
  type CharacterSet,
  escapedSet,
  inAnyCase,
  oneCharacter,
  opposite,
  ranges,
  union,
} from './character-set.ts';
import { SiteRouteError } from './site-route-error.ts';

/** One character of the set. */
interface Single {
  readonly kind: 'single';
  readonly set: CharacterSet;
}

/** One character of the set, or none. */
interface Optional {
  readonly kind: 'optional';
  readonly set: CharacterSet;
}

/** Any number of characters of the set. */
interface Many {
  readonly kind: 'many';
  readonly set: CharacterSet;
}

/** What begins with the one character and ends with the other that closes it. */
interface Balanced {
  readonly kind: 'balanced';
  readonly open: number;
  readonly close: number;
}

export type PatternItem = Single | Optional | Many | Balanced;

/** A pattern that was read: its items, and whether nothing may follow them. */
export interface PatternItems {
  readonly items: readonly PatternItem[];
  readonly anchored: boolean;
}

/**
 * Reads a pattern in the language of Lua without captures, with `\` in place of Lua's `%`. Parentheses mark where a pattern begins and ends
 * and stand for nothing, so what is between them cannot be repeated.
 * @param whole the text with the pattern in it
 * @param start where in `whole` the pattern begins
 * @param end where it ends
 * @param anyCase whether letters stand for both of their cases
 * @throws SiteRouteError with the place in `whole`
 */
export function parsePattern(whole: string, start: number, end: number, anyCase: boolean): PatternItems {
  return new PatternReader(whole, start, end, anyCase).read();
}

class PatternReader {
  readonly #whole: string;
  readonly #end: number;
  readonly #anyCase: boolean;
  readonly #items: PatternItem[] = [];
  #at: number;

  constructor(whole: string, start: number, end: number, anyCase: boolean) {
    this.#whole = whole;
    this.#at = start;
    this.#end = end;
    this.#anyCase = anyCase;
  }

  read(): PatternItems {
    while (this.#at < this.#end) {
      const char = this.#char();
      if (char === '(' || char === ')') this.#skip(char);
      // Only at the very end: elsewhere it is a character like others.
      else if (char === '$' && this.#at === this.#end - 1) return { items: this.#items, anchored: true };
      else if (char === '\\' && this.#whole[this.#at + 1] === 'b') this.#balanced();
      else this.#item(char);
    }
    return { items: this.#items, anchored: false };
  }

  #char(): string {
    return this.#whole.charAt(this.#at);
  }

  #skip(paren: string): void {
    this.#at++;
    const next = this.#at < this.#end ? this.#char() : '';
    // To Mongrel2 these are plain characters, which nobody means who writes them here. A `-` is common: `([0-9]+)-([0-9]+)`.
    if (paren === ')' && '*+?'.includes(next) && next !== '') {
      this.#fail(`a group cannot be repeated: expected \\${next} if the character is meant`);
    }
  }

  #balanced(): void {
    if (this.#at + 4 > this.#end) this.#fail('\\b must be followed by two characters');
    const open = this.#whole.charCodeAt(this.#at + 2);
    const close = this.#whole.charCodeAt(this.#at + 3);
    this.#items.push({ kind: 'balanced', open, close });
    this.#at += 4;
  }

  #item(first: string): void {
    if ('*+?'.includes(first)) this.#fail(`nothing to repeat: expected \\${first} if the character is meant`);
    const set = this.#set(first);
    switch (this.#at < this.#end ? this.#char() : '') {
      case '?':
        this.#at++;
        this.#items.push({ kind: 'optional', set });
        break;
      case '+':
        this.#at++;
        this.#items.push({ kind: 'single', set }, { kind: 'many', set });
        break;
      // The shortest and the longest repetition match the same texts: nobody asks where a match ends.
      case '*':
      case '-':
        this.#at++;
        this.#items.push({ kind: 'many', set });
        break;
      default:
        this.#items.push({ kind: 'single', set });
    }
  }

  #set(first: string): CharacterSet {
    const set = this.#exactSet(first);
    return this.#anyCase ? inAnyCase(set) : set;
  }

  #exactSet(first: string): CharacterSet {
    if (first === '[') return this.#bracketed();
    if (first === '\\') return escapedSet(this.#escaped());
    this.#at++;
    return first === '.' ? anyCharacter() : oneCharacter(first);
  }

  /** The character after a backslash. */
  #escaped(): string {
    if (this.#at + 1 >= this.#end) this.#fail('a character must follow the backslash');
    const letter = this.#whole.charAt(this.#at + 1);
    if (letter === 'f') this.#fail('\\f is not supported');
    this.#at += 2;
    return letter;
  }

  #bracketed(): CharacterSet {
    const start = this.#at++;
    const negated = this.#char() === '^';
    if (negated) this.#at++;
    const sets: CharacterSet[] = [];
    // A `]` that comes first is a member.
    do sets.push(this.#member(start));
    while (this.#at < this.#end && this.#char() !== ']');
    if (this.#at >= this.#end) this.#unclosed(start);
    this.#at++;
    const set = union(sets);
    return negated ? opposite(set) : set;
  }

  #member(start: number): CharacterSet {
    if (this.#at >= this.#end) this.#unclosed(start);
    const char = this.#char();
    if (char === '\\') return escapedSet(this.#escaped());
    const last = this.#whole.charAt(this.#at + 2);
    // A `-` before the end of the set is a member.
    if (this.#whole[this.#at + 1] !== '-' || this.#at + 2 >= this.#end || last === ']') {
      this.#at++;
      return oneCharacter(char);
    }
    if (last === '\\' || last < char) this.#fail('expected a range from a lower to a higher character');
    this.#at += 3;
    return ranges(char + last);
  }

  #unclosed(start: number): never {
    this.#at = start;
    return this.#fail('the set is not closed: expected ]');
  }

  #fail(what: string): never {
    throw new SiteRouteError(`character ${this.#at + 1}: ${what}`);
  }
}
