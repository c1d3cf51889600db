import type { Config } from '../config/index.ts';
import { newIdPrefix } from './edge-role.ts';

/**
 * What the ids of the connections of this process and its workers begin with: those of a node of a cluster differ from those of all other nodes, and those of a
 * process that replaces another one from those of that one. Empty for any other process.
 */
export function idFamily({ cluster }: Pick<Config, 'cluster'>, replaces: boolean): string {
  if (cluster.nats.length > 0) return `${newIdPrefix()}.`;
  return replaces ? `${process.pid}.` : '';
}
