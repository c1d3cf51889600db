import { type FieldList, fieldValues, nameIs } from '../fields/index.ts';
import { parseContentLength } from './framing.ts';
import { Http1Error } from './http1-error.ts';

/**
 * The length that the Content-Length fields of a message declare. Space around the values is ignored.
 * @returns null if there is no such field, and the text of the fields if that is not a valid length
 */
export function declaredLength(headers: FieldList): number | null | string {
  let first: string | null = null;
  for (let i = 0; i < headers.length; i += 2) {
    if (!nameIs(headers[i] as string, 'content-length')) continue;
    if (first !== null) return agreedLength(fieldValues(headers, 'content-length'));
    first = headers[i + 1] as string;
  }
  return first === null ? null : (lengthOf(first) ?? first);
}

/** RFC 9110 §8.6: several equal values count as one. */
function agreedLength(values: readonly string[]): number | string {
  const length = lengthOf(values[0] as string);
  return length !== null && values.every((value) => lengthOf(value) === length) ? length : values.join(', ');
}

function lengthOf(value: string): number | null {
  try {
    return parseContentLength(value.trim());
  } catch (error) {
    if (error instanceof Http1Error) return null;
    throw error;
  }
}
