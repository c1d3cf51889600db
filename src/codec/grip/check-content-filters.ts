import type { Fail } from './json-members.ts';

/** Refuses a format whose clients have no filters yet, and that names content filters. An empty list asks for none. */
export function checkContentFilters(filters: readonly string[] | null, format: string, fail: Fail): void {
  if (filters === null || filters.length === 0) return;
  fail(`'${format}' contains 'content-filters', which are not supported`);
}
