import { isWildcard } from '../codec/grip/index.ts';

/**
 * Bytes of a channel's name or of a pattern, as part of a subject. The broker cuts off a node whose protocol line exceeds 4,096 bytes.
 * @bound cluster-subject
 */
export const MAX_SUBJECT = 1_000;

/** Tokens of printable ASCII, without what has a meaning in subjects, and without the escape. */
const PLAIN = /^[!-)+\-/-<?-~]+(?:\.[!-)+\-/-<?-~]+)*$/;

const ESCAPED = /[^!-)+\-/-<?-~]/gu;

/** Halves of characters, which have no UTF-8. */
const UNPAIRED = /\p{Surrogate}/u;

/** Stands for an empty token. No other token is written like that. */
const EMPTY = '=';

/**
 * The part of a subject that stands for a channel: its tokens, in which every byte of UTF-8 that subjects cannot have is `=` and two digits. Different names have
 * different subjects.
 * @returns null for a name that would be longer than `MAX_SUBJECT`, or that is not Unicode
 */
export function channelSubject(name: string): string | null {
  if (name !== last.name) last = { name, subject: subjectOf(name) };
  return last.subject;
}

/** Items of a channel mostly come one after the other. */
let last: { readonly name: string; readonly subject: string | null } = { name: '', subject: EMPTY };

function subjectOf(name: string): string | null {
  const subject = PLAIN.test(name) ? name : name.split('.').map(escaped).join('.');
  return subject.length <= MAX_SUBJECT && !UNPAIRED.test(name) ? subject : null;
}

/** The same for a pattern, whose tokens `*` and `>` mean the same in subjects. It may match more names than the pattern: those with empty tokens, or that begin with `$`. */
export function patternSubject(pattern: string): string | null {
  const tokens = pattern.split('.').map((token) => (isWildcard(token) ? token : escaped(token)));
  const subject = tokens.join('.');
  return subject.length <= MAX_SUBJECT && !UNPAIRED.test(pattern) ? subject : null;
}

/** The name of the channel whose subject this is; null if it is that of none. */
export function channelOfSubject(subject: string): string | null {
  if (PLAIN.test(subject)) return subject;
  const name = subject.split('.').map(unescaped).join('.');
  // Each name is written in one way.
  return channelSubject(name) === subject ? name : null;
}

function escaped(token: string): string {
  if (token === '') return EMPTY;
  return token.replace(ESCAPED, (character) =>
    Array.from(Buffer.from(character), (byte) => `=${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  );
}

function unescaped(token: string): string {
  if (token === EMPTY) return '';
  return token.replace(/(?:=[0-9A-F]{2})+/g, (bytes) => Buffer.from(bytes.replaceAll('=', ''), 'hex').toString());
}
