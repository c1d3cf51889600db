import { type ConnectionsBackend, type Life, OperationError } from '../control/index.ts';
import type { ClusterClients } from './cluster-clients.ts';

/** The connections of clients, for the control API. */
export function connectionsBackend(clients: Pick<ClusterClients, 'ask'>, life: () => Life): ConnectionsBackend {
  const check = (): void => {
    if (life() !== 'upgrading') return;
    throw new OperationError('HF_CONTROL_CONFLICT', 'clients are moving to another process: ask that one');
  };
  return {
    list: async (query) => {
      const { answer, missing } = await clients.ask({ about: 'list', query }, query.scope);
      return { ...answer, ...missingNodes(missing) };
    },
    get: async (id, scope) => {
      const { answer, missing } = await clients.ask({ about: 'details', id }, scope);
      return { value: answer, missing };
    },
    close: async (id, scope) => {
      check();
      const { answer, missing } = await clients.ask({ about: 'close', id }, scope);
      return { value: answer || null, missing };
    },
    disconnect: async (user, scope) => {
      check();
      const { answer, missing } = await clients.ask({ about: 'disconnect', user }, scope);
      return { closed: answer, ...missingNodes(missing) };
    },
  };
}

/** What an answer says of nodes that have not answered: nothing where all have. */
export function missingNodes(missing: readonly string[]): { readonly missing?: string[] } {
  return missing.length === 0 ? {} : { missing: [...missing] };
}
