import { z } from 'zod';
import type { HeaderList } from '../exchange/index.ts';
import { isTable, shown } from './plain-text.ts';
import { complaint } from './section-fields.ts';

/** A token (RFC 9110 §5.6.2), as field names (§5.1) and methods (§9.1) are. */
export const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** A field value in latin1: no control characters except the tab, no surrounding white space (RFC 9110 §5.5). */
const FIELD_VALUE = /^(?:[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?$/;

/** Fields that every hop sets by itself (RFC 9110 §7.6.1, RFC 9112 §6): a route could not change them. */
const FRAMING_FIELDS = [
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

/** Phrased to follow "expected". */
export const HEADER_FORMS = 'a table of field names and values';

/** A table of header fields. */
export const headerFields = z.codec(
  z.custom<Record<string, unknown>>(isTable, { error: complaint(HEADER_FORMS) }),
  z.custom<HeaderList>(),
  {
    decode: (fields, context) => {
      const seen = new Set<string>();
      const list: string[] = [];
      for (const [name, value] of Object.entries(fields)) {
        const message = fieldProblem(name, value, seen);
        if (message !== null) context.issues.push({ code: 'custom', path: [name], message, input: value });
        else list.push(name, String(value));
        seen.add(name.toLowerCase());
      }
      return list;
    },
    encode: (list) => {
      const fields: [string, string][] = [];
      for (let i = 0; i < list.length; i += 2) fields.push([list[i] as string, list[i + 1] as string]);
      return Object.fromEntries(fields);
    },
  },
);

function fieldProblem(name: string, value: unknown, seen: ReadonlySet<string>): string | null {
  const lower = name.toLowerCase();
  if (!TOKEN.test(name)) return 'is not a valid field name';
  if (typeof value !== 'string') return `expected text, got ${shown(value)}`;
  if (!FIELD_VALUE.test(value))
    return 'expected a field value: latin1 text without control characters and surrounding space';
  if (lower === 'host') return 'cannot be set here: use as_host, or ",host=NAME" after a target';
  if (FRAMING_FIELDS.includes(lower)) return 'belongs to the connection and cannot be set';
  return seen.has(lower) ? 'is given twice' : null;
}
