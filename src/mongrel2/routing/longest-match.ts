import type { RoutePattern } from './route-pattern.ts';
import { SiteRouteError } from './site-route-error.ts';

/** What belongs to one prefix or suffix. */
interface Entry<T> {
  readonly patterns: { readonly pattern: RoutePattern; readonly text: string; readonly value: T }[];
  /** Where no pattern of them matches. */
  plain: T | null;
}

/**
 * Finds values by the longest prefix, or suffix, that a text has: then its patterns are tried in their order on the rest of the text, and the
 * value without a pattern comes last. A text never matches what is longer than itself.
 */
export class LongestMatch<T> {
  readonly #end: 'prefix' | 'suffix';
  readonly #entries = new Map<string, Entry<T>>();
  /** Those that occur, the longest first. */
  #lengths: readonly number[] = [];

  /** @param end which end of a text has to be equal */
  constructor(end: 'prefix' | 'suffix') {
    this.#end = end;
  }

  /**
   * @param fixed the prefix or suffix
   * @param pattern for the rest of the text; null if it may be anything
   * @param text what the pattern was written as
   * @throws SiteRouteError if the same text was added before
   */
  add(fixed: string, pattern: RoutePattern | null, text: string, value: T): void {
    const entry = this.#entries.get(fixed) ?? { patterns: [], plain: null };
    this.#entries.set(fixed, entry);
    this.#lengths = [...new Set([...this.#entries.keys()].map(({ length }) => length))].sort((a, b) => b - a);
    const repeated = pattern === null ? entry.plain !== null : entry.patterns.some((other) => other.text === text);
    if (repeated) throw new SiteRouteError('there is another one that matches the same');
    if (pattern === null) entry.plain = value;
    else entry.patterns.push({ pattern, text, value });
  }

  find(text: string): T | null {
    const { length } = text;
    for (const fixed of this.#lengths) {
      if (fixed > length) continue;
      const suffix = this.#end === 'suffix';
      const entry = this.#entries.get(suffix ? text.slice(length - fixed) : text.slice(0, fixed));
      if (entry === undefined) continue;
      const from = suffix ? 0 : fixed;
      const to = suffix ? length - fixed : length;
      for (const { pattern, value } of entry.patterns) {
        if (pattern.matches(text, from, to)) return value;
      }
      return entry.plain;
    }
    return null;
  }
}
