import { fieldValues, listMembers, nameIs } from '../fields/index.ts';

/** Whether the field `lower` lists `member`, both given in lower case; in the message either may have any case. */
export function fieldLists(headers: readonly string[], lower: string, member: string): boolean {
  return listMembers(fieldValues(headers, lower)).some((value) => nameIs(value, member));
}
