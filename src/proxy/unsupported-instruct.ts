import { type FieldList, fieldValue } from '../codec/fields/index.ts';
import type { Instruct } from '../codec/grip/index.ts';

/**
 * Names what a GRIP response asks for and is not supported; null if everything is. Such a response is refused: otherwise the client would
 * silently get something else than its origin intends.
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
