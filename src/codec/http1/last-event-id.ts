import { fieldValue } from '../fields/index.ts';
import { pathOf } from './path-of.ts';

const PARAMETER = 'last_event_id=';

/**
 * The id of the last event that a client has: by `Last-Event-ID` (HTML Living Standard §9.2.4), else by `last_event_id` in the query. Null for none: an empty one, which EventSource has before its
 * first event, says nothing.
 */
export function lastEventId(headers: readonly string[], target: string): string | null {
  const field = fieldValue(headers, 'last-event-id');
  // Browsers send it in UTF-8.
  if (field !== undefined) return Buffer.from(field, 'latin1').toString() || null;
  if (!target.includes(PARAMETER)) return null;
  const query = target.slice(pathOf(target).length + 1);
  const parameter = query.split('&').find((each) => each.startsWith(PARAMETER));
  return parameter === undefined ? null : decoded(parameter.slice(PARAMETER.length)) || null;
}

/** A target without the parameter of the query that `lastEventId` reads. */
export function withoutLastEventId(target: string): string {
  if (!target.includes(PARAMETER)) return target;
  const path = pathOf(target);
  const parameters = target.slice(path.length + 1).split('&');
  const kept = parameters.filter((each) => !each.startsWith(PARAMETER));
  return kept.length === 0 ? path : `${path}?${kept.join('&')}`;
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
