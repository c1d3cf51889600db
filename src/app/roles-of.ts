import { type Config, hasProxy } from '../config/index.ts';
import type { Status } from '../control/index.ts';
import type { Addresses } from './addresses.ts';

/** What roles a program has, in how many processes, and where they can be reached. */
export function rolesOf({ server, edge }: Config, at: Addresses): Pick<Status, 'roles' | 'workers' | 'listeners'> {
  const roles: Status['roles'] = [];
  if (hasProxy(server)) roles.push('proxy');
  if (edge.listen.length > 0) roles.push('edge');
  if (at.fetch.length > 0) roles.push('fetch');
  if (edge.mongrel2.length > 0) roles.push('mongrel2');
  const named: readonly (readonly [string, readonly string[]])[] = [
    ['client', at.clients],
    ['zhttp', at.zhttp],
    ['control', at.control],
    ['publish', at.publish],
    ['state', at.state],
    ['stats', at.stats],
    ['edge', at.edge],
    ['mongrel2', at.mongrel2],
    ['fetch', at.fetch],
  ];
  const listeners = named.flatMap(([role, addresses]) => addresses.map((address) => ({ role, address })));
  const ofProxy = hasProxy(server) && server.workers > 1 ? server.workers : 0;
  const ofEdge = edge.listen.length > 0 && edge.workers > 1 ? edge.workers : 0;
  return { roles, workers: ofProxy + ofEdge, listeners };
}
