import { z } from 'zod';
import { shown } from './plain-text.ts';
import { complaint } from './section-fields.ts';

/** What to do with the X-Forwarded-For header of a request before forwarding it. */
export interface ForwardedForRule {
  /** Number of addresses to keep, counted from the last; null keeps them all. From 0 to 100. */
  readonly truncate: number | null;
  /** Whether the address of the client's connection is added at the end, after truncating. */
  readonly append: boolean;
}

/** The values of a rule, phrased to follow "expected". */
export const FORWARDED_FOR_FORMS = 'a list of "truncate:N" (N from 0 to 100) and "append"';

/** A rule in TOML: a list with `truncate:N` and `append`, each at most once; empty leaves the header as it came. */
export const forwardedForRule = z.codec(
  z.array(z.string({ error: complaint('"truncate:N" or "append"') }), { error: complaint(FORWARDED_FOR_FORMS) }),
  z.custom<ForwardedForRule>(),
  {
    decode: (items, context) => {
      let truncate: number | null = null;
      let append = false;
      items.forEach((item, i) => {
        const keep = /^truncate:(100|[1-9]?[0-9])$/.exec(item)?.[1];
        const again = keep === undefined ? append : truncate !== null;
        if (keep === undefined && item !== 'append') {
          const message = `expected "truncate:N" with N from 0 to 100, or "append", got ${shown(item)}`;
          context.issues.push({ code: 'custom', path: [i], message, input: item });
        } else if (again) {
          context.issues.push({ code: 'custom', path: [i], message: 'is given twice', input: item });
        } else if (keep === undefined) {
          append = true;
        } else {
          truncate = Number(keep);
        }
      });
      return { truncate, append };
    },
    encode: (rule) => [
      ...(rule.truncate === null ? [] : [`truncate:${rule.truncate}`]),
      ...(rule.append ? ['append'] : []),
    ],
  },
);
