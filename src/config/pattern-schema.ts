import { z } from 'zod';
import { patternProblem } from '../codec/grip/index.ts';
import { shown } from './plain-text.ts';
import { complaint } from './section-fields.ts';

/** What a pattern of channel names looks like, for the reference and for errors. */
export const PATTERN_FORMS = 'a pattern of channel names such as "orders.*" or "chat.>"';

/** The schema of a pattern of channel names. @param patternIn the pattern in a value. Default: the whole of it */
export function patternSchema(patternIn = (value: string) => value) {
  return z.string({ error: complaint(PATTERN_FORMS) }).superRefine((value, context) => {
    const problem = patternProblem(patternIn(value));
    if (problem === null) return;
    context.addIssue({ code: 'custom', message: `expected ${PATTERN_FORMS}, got ${shown(value)}: ${problem}` });
  });
}
