import { type ConfigChange, isReloadable } from '../config/index.ts';
import type { CertificateChange } from './certificates.ts';
import type { RouteChanges } from './prepare-routing.ts';

/** Names of routes in a report. */
const MAX_NAMES = 20;

/** Something that a reload has changed. It has no secrets. */
export type ReloadChange =
  | ({ readonly what: 'key' } & ConfigChange)
  | {
      readonly what: 'routes';
      readonly added: number;
      readonly removed: number;
      readonly changed: number;
      /** Ids, or conditions of routes without one: the first 20. */
      readonly names: readonly string[];
    }
  | ({ readonly what: 'certificate' } & CertificateChange);

/** What a reload has done. */
export interface ReloadReport {
  /** In force from now on. */
  readonly changed: readonly ReloadChange[];
  /** Keys whose new values the program uses after a restart. */
  readonly needsRestart: readonly string[];
}

/** Whether the program uses a change without a restart. */
export function isReloadableChange({ key }: ConfigChange): boolean {
  return isReloadable(key);
}

/** What has become of the routes, if anything. */
export function routesChange(changes: RouteChanges | undefined): ReloadChange[] {
  if (changes === undefined) return [];
  const { added, removed, changed } = changes;
  const names = [...added, ...removed, ...changed];
  if (names.length === 0) return [];
  const counts = { added: added.length, removed: removed.length, changed: changed.length };
  return [{ what: 'routes', ...counts, names: names.slice(0, MAX_NAMES) }];
}

/** A change for people: `server.max_connections 1000 -> 2000`, `routes: +2 -1 ~3 (a, b, …)`. */
export function changeText(change: ReloadChange): string {
  switch (change.what) {
    case 'key':
      return change.from === null ? `${change.key} changed` : `${change.key} ${change.from} -> ${change.to}`;
    case 'certificate':
      return change.expires === null
        ? `certificate ${change.name} no longer set`
        : `certificate ${change.name}, expires ${change.expires}`;
    default: {
      const { added, removed, changed, names } = change;
      const more = added + removed + changed > names.length ? ', …' : '';
      return `routes: +${added} -${removed} ~${changed} (${names.join(', ')}${more})`;
    }
  }
}
