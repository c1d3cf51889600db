import { type Config, hasProxy } from '../config/index.ts';
import type { Status } from '../control/index.ts';

/** Where each role of the program can be reached. */
export interface Addresses {
  readonly clientAddresses: readonly string[];
  readonly frontEndpoints: readonly string[];
  readonly controlAddresses: readonly string[];
  readonly publishEndpoints: readonly string[];
  readonly stateEndpoints: readonly string[];
  readonly statsAddresses: readonly string[];
  readonly statsEndpoints: readonly string[];
  readonly edgeAddresses: readonly string[];
  readonly mongrel2Addresses: readonly string[];
  readonly fetchEndpoints: readonly string[];
}

/** What roles a program has, in how many processes, and where they can be reached. */
export function rolesOf({ server, edge }: Config, at: Addresses): Pick<Status, 'roles' | 'workers' | 'listeners'> {
  const roles: Status['roles'] = [];
  if (hasProxy(server)) roles.push('proxy');
  if (edge.listen.length > 0) roles.push('edge');
  if (at.fetchEndpoints.length > 0) roles.push('fetch');
  if (edge.mongrel2.length > 0) roles.push('mongrel2');
  const named: readonly (readonly [string, readonly string[]])[] = [
    ['client', at.clientAddresses],
    ['zhttp', at.frontEndpoints],
    ['control', at.controlAddresses],
    ['publish', at.publishEndpoints],
    ['state', at.stateEndpoints],
    ['stats', [...at.statsAddresses, ...at.statsEndpoints]],
    ['edge', at.edgeAddresses],
    ['mongrel2', at.mongrel2Addresses],
    ['fetch', at.fetchEndpoints],
  ];
  const listeners = named.flatMap(([role, addresses]) => addresses.map((address) => ({ role, address })));
  const ofProxy = hasProxy(server) && server.workers > 1 ? server.workers : 0;
  const ofEdge = edge.listen.length > 0 && edge.workers > 1 ? edge.workers : 0;
  return { roles, workers: ofProxy + ofEdge, listeners };
}
