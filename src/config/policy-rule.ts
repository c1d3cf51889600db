import { GuardError, parseExpression } from '../net/index.ts';
import { textError } from './config-error.ts';
import { shown } from './plain-text.ts';

/** The rules of `allow` and `deny`, phrased to follow "expected". */
export const RULE_FORMS =
  'an address block such as "10.0.0.0/8", an address, a host name, or a pattern such as "*.example.com"';

/** Maximum length of a rule: longer ones could not match. */
const MAX_LENGTH = 300;

/** Returns a rule of a policy unchanged, after checking that it is one and has no white space. Throws a `ConfigError`. */
export function policyRule(text: string): string {
  if (text === '' || text.length > MAX_LENGTH || /[\s,\p{Cc}\p{Cs}]/u.test(text)) {
    throw textError(`expected ${RULE_FORMS}, got ${shown(text)}`);
  }
  try {
    parseExpression(text);
  } catch (error) {
    throw error instanceof GuardError ? textError(error.message) : error;
  }
  return text;
}
