import type { FieldList } from '../fields/index.ts';
import { FIELDS } from './packet-fields.ts';

/** A header list as the field `headers` of a packet, with its key. */
export function headerField(headers: FieldList): string {
  let list = '';
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    const value = headers[i + 1] as string;
    const pair = `${name.length}:${name},${value.length}:${value},`;
    list += `${pair.length}:${pair}]`;
  }
  return `${FIELDS.headers.key}${list.length}:${list}]`;
}
