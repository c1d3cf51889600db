import type { Instruct } from '../codec/grip/index.ts';

/**
 * Names what a GRIP response asks for and is not supported; null if everything is. Such a response is refused: otherwise the client would
 * silently get something else than its origin intends.
 */
export function unsupportedIn({ hold }: Instruct): string | null {
  for (const { name, filters } of hold?.channels ?? []) {
    if (filters.length > 0) return `filter '${filters[0]}' of channel '${name}'`;
  }
  return null;
}
