import { textError } from './config-error.ts';
import { shown } from './plain-text.ts';

/** How the paths of a route are rewritten by pattern. */
export interface PathRewrite {
  /** The segments of the pattern, between slashes. */
  readonly from: readonly PathSegment[];
  /** The parts of the replacement: texts, and names of placeholders. */
  readonly to: readonly RewritePart[];
}

/** A segment of a pattern: this text, any one segment (`{name}`), or all that is left (`{name*}`), which may be empty. */
export interface PathSegment {
  readonly kind: 'text' | 'one' | 'rest';
  /** The text, or the name of the placeholder. */
  readonly text: string;
}

export interface RewritePart {
  readonly kind: 'text' | 'value';
  readonly text: string;
}

/** The form of a rewrite, phrased to follow "expected". */
export const REWRITE_FORM = 'a pattern and a replacement, such as "/users/{id}/{rest*} /people/{id}/{rest}"';

const PLACEHOLDER = /^\{([a-z][a-z0-9_]*)(\*?)\}$/;
const PATH = /^\/[!-~]*$/;

/** Parses `PATTERN REPLACEMENT`. Throws a `ConfigError`. */
export function parsePathRewrite(text: string): PathRewrite {
  const [pattern, replacement, ...more] = text.split(' ').filter((part) => part !== '');
  if (pattern === undefined || replacement === undefined || more.length > 0) {
    throw textError(`expected ${REWRITE_FORM}, got ${shown(text)}`);
  }
  for (const path of [pattern, replacement]) {
    if (!PATH.test(path) || /[?#]/.test(path)) {
      throw textError(`expected a percent-encoded path that starts with "/", without query, got ${shown(path)}`);
    }
  }
  const from = pattern.split('/').slice(1).map(parseSegment);
  const names = from.filter(({ kind }) => kind !== 'text').map((segment) => segment.text);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw textError(`{${twice}} is given twice in the pattern`);
  if (from.slice(0, -1).some(({ kind }) => kind === 'rest')) {
    throw textError('a placeholder for the rest of the path, such as {rest*}, comes last in the pattern');
  }
  const to = replacement.split(/(\{[^{}]*\})/).flatMap((part) => parsePart(part, names));
  return { from, to };
}

/** The text that `parsePathRewrite` reads as `rewrite`. */
export function formatPathRewrite({ from, to }: PathRewrite): string {
  const pattern = from.map(({ kind, text }) => {
    if (kind === 'text') return text;
    return kind === 'one' ? `{${text}}` : `{${text}*}`;
  });
  return `/${pattern.join('/')} ${to.map(({ kind, text }) => (kind === 'text' ? text : `{${text}}`)).join('')}`;
}

function parseSegment(segment: string): PathSegment {
  const match = PLACEHOLDER.exec(segment);
  if (match !== null) return { kind: match[2] === '*' ? 'rest' : 'one', text: match[1] ?? '' };
  if (/[{}]/.test(segment)) {
    throw textError(`expected a whole segment such as {id} or {rest*} in the pattern, got ${shown(segment)}`);
  }
  return { kind: 'text', text: segment };
}

function parsePart(part: string, names: readonly string[]): RewritePart[] {
  if (part === '') return [];
  if (!/[{}]/.test(part)) return [{ kind: 'text', text: part }];
  const name = part.slice(1, -1);
  if (!names.includes(name)) throw textError(`the pattern has no ${shown(part)}`);
  return [{ kind: 'value', text: name }];
}
