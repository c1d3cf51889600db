import { textError } from './config-error.ts';
import { shown } from './plain-text.ts';

/** The expressions of `allow` and `deny`, phrased to follow "expected". */
export const EXPRESSION_FORMS =
  'an address block such as "10.0.0.0/8", an address, a host name, or a pattern such as "*.example.com"';

/** Maximum length of an expression: longer ones could not match. */
const MAX_LENGTH = 300;

/**
 * Returns an expression of a policy unchanged after checking that it is text without white space. What it means, and whether it is a valid
 * address block, is decided elsewhere. Throws a `ConfigError`.
 */
export function parseExpression(text: string): string {
  if (text === '' || text.length > MAX_LENGTH || /[\s,\p{Cc}\p{Cs}]/u.test(text)) {
    throw textError(`expected ${EXPRESSION_FORMS}, got ${shown(text)}`);
  }
  return text;
}
