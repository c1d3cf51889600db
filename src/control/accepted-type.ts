import { fieldValues, listMembers } from '../codec/fields/index.ts';
import type { HeaderList } from '../exchange/index.ts';

/** The media types in which the publish endpoint confirms. */
export type ResponseType = 'text/plain' | 'application/json';

/**
 * The media type that Accept asks for (RFC 9110 §12.5.1), as publishers of GRIP know it: the last member that names a known type
 * wins, and weights mean nothing. Text if there is no Accept.
 * @returns null if none of the members will do
 */
export function acceptedType(headers: HeaderList): ResponseType | null {
  const values = fieldValues(headers, 'accept');
  if (values.length === 0) return 'text/plain';
  let type: ResponseType | null = null;
  for (const member of listMembers(values)) type = responseType(member) ?? type;
  return type;
}

function responseType(member: string): ResponseType | null {
  const semicolon = member.indexOf(';');
  const range = semicolon < 0 ? member : member.slice(0, semicolon);
  switch (range.trim().toLowerCase()) {
    case 'text/plain':
    case 'text/*':
    case '*/*':
    case '*':
      return 'text/plain';
    case 'application/json':
    case 'application/*':
      return 'application/json';
    default:
      return null;
  }
}
