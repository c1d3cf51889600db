/**
 * Tokens of a pattern.
 * @bound pattern-tokens
 */
export const MAX_PATTERN_TOKENS = 16;

const DOT = 0x2e;
const DOLLAR = 0x24;

/** Stands for one token. */
const ONE = '*';

/** Stands for one token or more, at the end. */
const REST = '>';

/**
 * What is wrong with a pattern of channel names; null if nothing is. A pattern has tokens with a `.` between them, as NATS's subjects have: `*`
 * stands for one token, and `>`, which can only be the last, for one or more. Any other token stands for itself.
 */
export function patternProblem(pattern: string): string | null {
  if (pattern === '') return 'it is empty';
  // No name that begins with it would match.
  if (pattern.charCodeAt(0) === DOLLAR) return "it begins with '$'";
  const tokens = pattern.split('.');
  if (tokens.length > MAX_PATTERN_TOKENS) return `it has over ${MAX_PATTERN_TOKENS} tokens`;
  if (tokens.includes('')) return 'it has an empty token';
  const rest = tokens.indexOf(REST);
  return rest >= 0 && rest < tokens.length - 1 ? "it has a '>' that is not the last token" : null;
}

/**
 * Whether patterns may match a channel with this name. None matches one with an empty token, as NATS has it, or one that begins with `$`, which
 * are the system's own.
 */
export function isMatchable(name: string): boolean {
  const { length } = name;
  if (length === 0) return false;
  const first = name.charCodeAt(0);
  return first !== DOLLAR && first !== DOT && name.charCodeAt(length - 1) !== DOT && !name.includes('..');
}

/** Whether a valid pattern matches the channel with this name. `PatternTrie` finds those of many that do. */
export function matchesPattern(pattern: string, name: string): boolean {
  if (!isMatchable(name)) return false;
  const wanted = pattern.split('.');
  const tokens = name.split('.');
  const rest = wanted.at(-1) === REST;
  if (rest ? tokens.length < wanted.length : tokens.length !== wanted.length) return false;
  return wanted.every((token, i) => token === ONE || (rest && i === wanted.length - 1) || token === tokens[i]);
}

/** With what the names begin that a valid pattern matches; the whole pattern, if it has no `*` and no `>`. */
export function literalBeginning(pattern: string): string {
  let from = 0;
  for (;;) {
    const end = pattern.indexOf('.', from);
    const token = end < 0 ? pattern.slice(from) : pattern.slice(from, end);
    if (isWildcard(token)) return pattern.slice(0, from);
    if (end < 0) return pattern;
    from = end + 1;
  }
}

/** Whether a token of a pattern stands for others. */
export function isWildcard(token: string): boolean {
  return token === ONE || token === REST;
}
