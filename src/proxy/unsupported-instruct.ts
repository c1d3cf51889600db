import { type FieldList, fieldValue } from '../codec/fields/index.ts';
import type { Instruct } from '../codec/grip/index.ts';

/**
 * What a GRIP response asks for that is not offered here, for people; null if there is nothing. Such a response is refused: a client
 * would otherwise get something else than its origin wants it to, and nobody would know why.
 */
export function unsupportedIn(headers: FieldList, { hold }: Instruct): string | null {
  if (fieldValue(headers, 'grip-link') !== undefined) return 'Grip-Link';
  for (const { name, filters, prevId } of hold?.channels ?? []) {
    if (filters.length > 0) return `filter '${filters[0]}' of channel '${name}'`;
    // What a stream has missed is fetched by its next link (GRIP §5): without one the position means nothing.
    if (hold?.mode === 'stream' && prevId !== null) return `prev-id of channel '${name}' in a stream`;
  }
  return null;
}
