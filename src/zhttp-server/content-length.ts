import { fieldValues } from '../codec/fields/index.ts';
import { Http1Error, parseContentLength } from '../codec/http1/index.ts';

/**
 * The Content-Length that the header fields declare.
 * @returns null if there is none, and the field's text if it is not a valid length (RFC 9110 §8.6: equal values count as one)
 */
export function contentLength(headers: readonly string[]): number | null | string {
  if (headers.length === 0) return null;
  const declared = fieldValues(headers, 'content-length');
  if (declared.length === 0) return null;
  const length = lengthOf(declared[0] as string);
  const agreed = length !== null && declared.every((value) => lengthOf(value) === length);
  return agreed ? length : declared.join(', ');
}

function lengthOf(value: string): number | null {
  try {
    return parseContentLength(value.trim());
  } catch (error) {
    if (error instanceof Http1Error) return null;
    throw error;
  }
}
