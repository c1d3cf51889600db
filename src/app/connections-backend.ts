import { type ConnectionsBackend, type Life, OperationError } from '../control/index.ts';
import { type ClientAnswers, type ClientQuestion, joinedPages } from './client-view.ts';

/** Asks all processes that have clients, or the one whose clients have ids like this one. Those that do not answer are left out. */
type AskClients = <Question extends ClientQuestion>(
  question: Question,
) => Promise<readonly ClientAnswers[Question['about']][]>;

/** The connections of clients, for the control API. */
export function connectionsBackend(ask: AskClients, life: () => Life): ConnectionsBackend {
  const check = (): void => {
    if (life() !== 'upgrading') return;
    throw new OperationError('HF_CONTROL_CONFLICT', 'clients are moving to another process: ask that one');
  };
  return {
    list: async (query) => joinedPages(await ask({ about: 'list', query }), query.limit),
    get: async (id) => (await ask({ about: 'details', id })).find((details) => details !== null) ?? null,
    close: async (id) => {
      check();
      return (await ask({ about: 'close', id })).includes(true);
    },
    disconnect: async (user) => {
      check();
      const counts = await ask({ about: 'disconnect', user });
      return counts.reduce((sum, count) => sum + count, 0);
    },
  };
}
