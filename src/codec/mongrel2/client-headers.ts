import type { FieldList } from '../fields/index.ts';
import type { HeaderForm } from './header-form.ts';

/** Values of one name that a message has; Mongrel2 drops the rest. */
const MAX_VALUES = 5;

/** Says where a large upload is. Only the server may set them: a handler opens the file that they name. */
export const UPLOAD_START = 'x-mongrel2-upload-start';
export const UPLOAD_DONE = 'x-mongrel2-upload-done';

export const FORWARDED_FOR = 'x-forwarded-for';

/**
 * What a client sent, as pairs with lower-case names. Values of one name become one list, at the place of the first.
 * @param keepForwardedFor whether `x-forwarded-for` is written
 */
export function clientHeaders(headers: FieldList, form: HeaderForm, keepForwardedFor: boolean): string {
  const values = new Map<string, string | string[]>();
  for (let i = 0; i < headers.length; i += 2) {
    const name = (headers[i] as string).toLowerCase();
    const value = headers[i + 1] as string;
    const earlier = values.get(name);
    if (earlier === undefined) values.set(name, value);
    else if (typeof earlier === 'string') values.set(name, [earlier, value]);
    else if (earlier.length < MAX_VALUES) earlier.push(value);
  }
  values.delete(UPLOAD_START);
  values.delete(UPLOAD_DONE);
  if (!keepForwardedFor) values.delete(FORWARDED_FOR);
  let text = '';
  for (const [name, value] of values) {
    text += typeof value === 'string' ? form.pair(name, value) : form.list(name, value);
  }
  return text;
}
