import type { z } from 'zod';
import { shownTarget } from '../exchange/index.ts';
import { fieldDocs } from './section-fields.ts';

/** Whether the value of a key is hidden where a configuration is shown. The path of a key file is not: it is no secret. */
export function isHidden(schema: unknown, value: unknown): boolean {
  const secret = fieldDocs.get(schema as z.ZodType)?.secret;
  if (secret === undefined) return false;
  const text = String(value);
  if (secret === 'in-url') return shownTarget(text) !== text;
  return text !== '' && !text.startsWith('file:');
}

/** The same for a header that is set on requests, whatever its name: most of them are credentials. An empty value removes a header. */
export function isHeaderHidden(value: unknown): boolean {
  return value !== '';
}
