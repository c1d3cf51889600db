import type { Instruct } from '../codec/grip/index.ts';

/** Filters that ask a service about each item. */
const UNSUPPORTED = new Set(['http-check', 'http-modify']);

/**
 * Names what a GRIP response asks for and is not supported; null if everything is. Such a response is refused: otherwise the client would
 * silently get something else than its origin intends.
 */
export function unsupportedIn({ hold }: Instruct): string | null {
  for (const { name, filters } of hold?.channels ?? []) {
    const filter = filters.find((known) => UNSUPPORTED.has(known));
    if (filter !== undefined) return `filter '${filter}' of channel '${name}'`;
  }
  return null;
}
