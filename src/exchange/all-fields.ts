import type { HeaderList, RequestHead } from './exchange.ts';

/** All fields that are sent on with a request, for a writer that cannot write those of this request alone apart. */
export function allFields({ headers, ownFields }: Pick<RequestHead, 'headers' | 'ownFields'>): HeaderList {
  return ownFields === undefined || ownFields.length === 0 ? headers : [...headers, ...ownFields];
}
