import type { ConnectionTable } from './connection-table.ts';
import type { SiteContext } from './site-context.ts';

/** A site as the parts see it that look for its connections. */
export interface Site extends SiteContext {
  readonly connections: ConnectionTable;
}
