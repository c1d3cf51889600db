import { parseHttpDate } from './http-date.ts';

/**
 * Seconds that a server asks to wait: the value of Retry-After, which is a number of seconds or a date (RFC 9110 §10.2.3). Not less than 0; null if
 * there is no field, or it says neither.
 * @param now milliseconds since 1970
 */
export function parseRetryAfter(value: string | undefined, now: number): number | null {
  if (value === undefined) return null;
  // More digits are no time that anybody waits.
  if (/^[0-9]{1,9}$/.test(value)) return Number(value);
  const date = parseHttpDate(value, now);
  return date === null ? null : Math.max(0, date - now) / 1000;
}
