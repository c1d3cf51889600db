import { wellFormed } from './format.ts';

/** The views, by the first part of the address behind `#/`. */
export const VIEWS = [
  'overview',
  'channels',
  'publish',
  'routes',
  'handlers',
  'outbound',
  'nodes',
  'errors',
  'server',
] as const;

export type View = (typeof VIEWS)[number];

/** Where the page is: a view, and what of it. */
export interface Place {
  readonly view: View;
  /** The name of a channel, for instance; null for the whole view. */
  readonly item: string | null;
}

/** The place that an address leads to; the overview if it leads nowhere. */
export function placeOf(hash: string): Place {
  const [, name = '', item] = /^#\/([a-z]*)(?:\/([^/]*))?$/.exec(hash) ?? [];
  const view = VIEWS.find((known) => known === name) ?? 'overview';
  return { view, item: item === undefined || item === '' ? null : decoded(item) };
}

/** The address of a place. */
export function hrefOf(view: View, item: string | null = null): string {
  return item === null ? `#/${view === 'overview' ? '' : view}` : `#/${view}/${encodeURIComponent(wellFormed(item))}`;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
