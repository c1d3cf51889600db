import type { Addresses } from './addresses.ts';

/** What the log says of a start: where the roles can be reached, those that are there. */
export function startedFields(at: Addresses, fetches: boolean): Record<string, unknown> {
  return {
    clients: at.clients,
    ...(at.zhttp.length > 0 && { zhttp: at.zhttp }),
    publishers: at.control,
    ...(at.publish.length > 0 && { publish: at.publish }),
    ...(at.state.length > 0 && { state: at.state }),
    ...(at.stats.length > 0 && { stats: at.stats }),
    edge: at.edge,
    ...(at.mongrel2.length > 0 && { mongrel2: at.mongrel2 }),
    ...(fetches && { fetch: at.fetch }),
  };
}
