import { withoutFields } from '../codec/fields/index.ts';
import { withoutLastEventId } from '../codec/http1/index.ts';
import { eventGap } from '../hub/index.ts';
import { headOf } from './moved-request.ts';
import type { ProxiedRequest } from './proxied-request.ts';

/**
 * The request of a client whose history has a gap: it does not say any more where the client was, but of which channels it has missed something for good.
 * The response that comes of it is that of a new client.
 */
export function afterGap(proxied: ProxiedRequest, missed: readonly string[]): ProxiedRequest {
  const { request, asked = request, sentHeaders = request.headers } = proxied;
  const headers = [...withoutFields(request.headers, isReplaced), 'Event-Gap', eventGap(missed)];
  const again = { ...headOf(request), record: request.record, target: withoutLastEventId(request.target), headers };
  return { ...proxied, request: again, asked, sentHeaders };
}

function isReplaced(lowerName: string): boolean {
  return lowerName === 'last-event-id' || lowerName === 'event-gap';
}
