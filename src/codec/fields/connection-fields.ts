import { type FieldList, listMembers, nameIs } from './field-list.ts';

/** Whether the field is not of a response, but of the connection that it came on (RFC 9110 §7.6.1). */
export function isOfConnection(name: string): boolean {
  return nameIs(name, 'connection') || nameIs(name, 'keep-alive') || nameIs(name, 'transfer-encoding');
}

/** The names that Connection lists (RFC 9110 §7.6.1), in lower case; null if it lists none that matter, as is usual. */
export function connectionOptions(headers: FieldList): string[] | null {
  let options: string[] | null = null;
  for (let i = 0; i < headers.length; i += 2) {
    if (!nameIs(headers[i] as string, 'connection')) continue;
    const value = (headers[i + 1] as string).toLowerCase();
    if (value === 'keep-alive' || value === 'close') continue;
    options ??= [];
    options.push(...listMembers([value]));
  }
  return options;
}
