import type { Outbound } from '../control/index.ts';
import type { CounterRegistry } from '../exchange/index.ts';
import type { FetchRole } from './fetch-role.ts';

/** What is known of outbound requests. */
export function outboundOf(registry: CounterRegistry, fetch: Pick<FetchRole, 'denials'> | null): Outbound {
  const { sessions = 0, sessionsOpen = 0 } = registry.snapshot()['fetch.zhttp'] ?? {};
  const denied = Array.from(fetch?.denials.entries() ?? [], ([reason, { count, last }]) => {
    return { reason, count, last: new Date(last).toISOString() };
  });
  return { open: sessionsOpen, requests: sessions, denied: denied.sort((a, b) => b.count - a.count) };
}
