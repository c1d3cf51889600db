import type { Fail } from './json-members.ts';
import type { PublishItem } from './types.ts';

/** Metadata that filters use to choose receivers. Without filters the item would reach more clients than its publisher intends. */
const FILTER_META = ['sender', 'skip_users', 'require_sub'];

/** Refuses an item that asks for filters, which do not exist here: to ignore them would deliver other content, or to other clients. */
export function checkSupported({ meta, httpResponse, httpStream }: PublishItem, fail: Fail): void {
  checkContentFilters(httpResponse?.contentFilters ?? null, 'http-response', fail);
  checkContentFilters(httpStream?.contentFilters ?? null, 'http-stream', fail);
  for (const name of FILTER_META) {
    if (meta[name] !== undefined) fail(`publish item object contains 'meta' with '${name}', which is not supported`);
  }
}

/** Refuses a format that names content filters. An empty list asks for none. */
export function checkContentFilters(filters: readonly string[] | null, format: string, fail: Fail): void {
  if (filters === null || filters.length === 0) return;
  fail(`'${format}' contains 'content-filters', which are not supported`);
}
