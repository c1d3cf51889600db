import { z } from 'zod';
import { patternProblem } from '../codec/grip/index.ts';
import { shown } from './plain-text.ts';
import { complaint } from './section-fields.ts';

/** What a pattern of channel names looks like, for the reference and for errors. */
export const PATTERN_FORMS = 'a pattern of channel names such as "orders.*" or "chat.>"';

/** The schema of a pattern of channel names. @param patternIn the pattern in a value. Default: the whole of it */
export function patternSchema(patternIn = (value: string) => value) {
  return z.string({ error: complaint(PATTERN_FORMS) }).superRefine((value, context) => {
    const pattern = patternIn(value);
    const problem = patternProblem(pattern) ?? partialWildcard(pattern);
    if (problem === null) return;
    context.addIssue({ code: 'custom', message: `expected ${PATTERN_FORMS}, got ${shown(value)}: ${problem}` });
  });
}

/** Whoever writes `chat*` means what begins so, and would get one channel of this very name. */
function partialWildcard(pattern: string): string | null {
  const token = pattern.split('.').find((each) => each.length > 1 && /[*>]/.test(each));
  return token === undefined ? null : `'*' and '>' stand for whole tokens, not for a part of one as in ${shown(token)}`;
}
