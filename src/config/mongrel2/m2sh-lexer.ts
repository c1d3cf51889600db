import { M2shError, type M2shPlace } from './m2sh-place.ts';

/** A piece of an m2sh configuration. */
export interface M2shToken {
  /** A sign stands for itself. `end` is behind the last token. */
  readonly kind: 'text' | 'number' | 'class' | 'name' | M2shSign | 'end';
  /** What it stands for; of a text what is between the quotes, with its backslashes. */
  readonly text: string;
  readonly place: M2shPlace;
}

export type M2shSign = '=' | '{' | '}' | '[' | ']' | '(' | ')' | ',' | ':';

/** Double and single quotes, and backquotes around patterns: a backslash hides the next character, and stays. */
const TEXT = /"[^\\"]*(?:\\[\s\S][^\\"]*)*"|'[^\\']*(?:\\[\s\S][^\\']*)*'|`[^\\`]*(?:\\[\s\S][^\\`]*)*`/y;
const SPACE = /[ \t\r\v\f\n]+/y;
/** The line end belongs to a comment: one without it, at the end of the file, is none. */
const COMMENT = /#[^\n]*\n/y;
const NUMBER = /[0-9]+/y;
/** A word of two or more letters with a capital at the beginning names a class, unless the word goes on with digits or underscores. */
const WORD = /[A-Za-z_][A-Za-z0-9_]*/y;
const CLASS = /^[A-Z][A-Za-z]+$/;
const SIGNS = '={}[](),:';

/**
 * The tokens of an m2sh configuration, and `end`.
 * @throws M2shError at the first character that begins none
 */
export function m2shTokens(text: string): M2shToken[] {
  const tokens: M2shToken[] = [];
  let line = 1;
  let lineStart = 0;
  let at = 0;
  const match = (pattern: RegExp): string | null => {
    pattern.lastIndex = at;
    return pattern.exec(text)?.[0] ?? null;
  };
  /** Moves past `piece`, and counts its lines. */
  const pass = (piece: string): void => {
    for (let end = piece.indexOf('\n'); end !== -1; end = piece.indexOf('\n', end + 1)) {
      line++;
      lineStart = at + end + 1;
    }
    at += piece.length;
  };
  while (at < text.length) {
    const place = { line, column: at - lineStart + 1 };
    const skipped = match(SPACE) ?? match(COMMENT);
    if (skipped !== null) {
      pass(skipped);
      continue;
    }
    const token = tokenAt(text.charAt(at), match, place);
    tokens.push(token);
    pass(token.kind === 'text' ? ` ${token.text} ` : token.text);
  }
  tokens.push({ kind: 'end', text: '', place: { line, column: at - lineStart + 1 } });
  return tokens;
}

function tokenAt(char: string, match: (pattern: RegExp) => string | null, place: M2shPlace): M2shToken {
  if (SIGNS.includes(char)) return { kind: char as M2shSign, text: char, place };
  const quoted = match(TEXT);
  if (quoted !== null) return { kind: 'text', text: quoted.slice(1, -1), place };
  const number = match(NUMBER);
  if (number !== null) return { kind: 'number', text: number, place };
  const word = match(WORD);
  if (word !== null) return { kind: CLASS.test(word) ? 'class' : 'name', text: word, place };
  if (char === '#') throw new M2shError(place, 'a comment needs the end of its line');
  if ('"\'`'.includes(char)) throw new M2shError(place, `the quote ${char} is not closed`);
  throw new M2shError(place, `unexpected character ${JSON.stringify(char)}`);
}
