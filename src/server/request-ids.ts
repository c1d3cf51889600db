import { fieldValue, nameIs } from '../codec/fields/index.ts';
import { type HeaderList, NO_OWN_FIELDS } from '../exchange/index.ts';

/** What a server does with X-Request-Id: takes a proper one of the client and makes others, makes one for each request, or does nothing. */
export type RequestIdMode = 'accept' | 'make' | 'off';

/**
 * Characters of an X-Request-Id that is accepted.
 * @bound request-id
 */
const MAX_LENGTH = 128;

const FIELD = 'X-Request-Id';
const LOWER = 'x-request-id';

/** The id of a request, and the fields that carry it. */
export interface RequestId {
  readonly requestId: string;
  /** The fields of the client, without an id that does not count. */
  readonly headers: HeaderList;
  /** The field of an id that was made here. */
  readonly ownFields: HeaderList;
}

/**
 * Finds or makes the id of a request.
 * @param made the id to make if none is accepted
 */
export function requestIdOf(headers: HeaderList, mode: 'accept' | 'make', made: string): RequestId {
  let found = -1;
  let count = 0;
  for (let i = 0; i < headers.length; i += 2) {
    if ((headers[i] as string).length !== LOWER.length || !nameIs(headers[i] as string, LOWER)) continue;
    found = i + 1;
    count++;
  }
  if (count === 0) return { requestId: made, headers, ownFields: [FIELD, made] };
  const given = headers[found] as string;
  // Of two ids nobody can tell which one counts.
  if (count === 1 && mode === 'accept' && isRequestId(given)) {
    return { requestId: given, headers, ownFields: NO_OWN_FIELDS };
  }
  const others = headers.filter((_, i) => !nameIs(headers[i - (i % 2)] as string, LOWER));
  return { requestId: made, headers: others, ownFields: [FIELD, made] };
}

/** The id among the fields of a request, if it may be one; else empty. */
export function acceptedId(headers: HeaderList): string {
  const given = fieldValue(headers, LOWER);
  return given !== undefined && isRequestId(given) ? given : '';
}

/** Whether a text may be the id of a request: 1 to 128 letters, digits and `-._~+/=:@`, which need no escape in any log. */
export function isRequestId(text: string): boolean {
  if (text.length === 0 || text.length > MAX_LENGTH) return false;
  for (let i = 0; i < text.length; i++) if (ALLOWED[text.charCodeAt(i)] !== 1) return false;
  return true;
}

const ALLOWED = new Uint8Array(256);
for (const char of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=:@') {
  ALLOWED[char.charCodeAt(0)] = 1;
}
