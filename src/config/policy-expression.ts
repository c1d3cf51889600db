import { textError } from './config-error.ts';
import { shown } from './plain-text.ts';

/** What `allow` and `deny` hold, to be read after "expected". */
export const EXPRESSION_FORMS =
  'an address block such as "10.0.0.0/8", an address, a host name, or a pattern such as "*.example.com"';

/** Characters of an expression: longer ones could match nothing. */
const MAX_LENGTH = 300;

/**
 * An expression of a policy as it is, once it is known to be some text without white space. What it says of a host or an address is
 * decided elsewhere, and whether an address block is one. Throws a `ConfigError`.
 */
export function parseExpression(text: string): string {
  if (text === '' || text.length > MAX_LENGTH || /[\s,\p{Cc}\p{Cs}]/u.test(text)) {
    throw textError(`expected ${EXPRESSION_FORMS}, got ${shown(text)}`);
  }
  return text;
}
