import type { UsersBackend } from '../control/index.ts';
import type { Hub } from '../hub/index.ts';

/** The users of the clients of a hub, or of the hubs of workers, for the control API. */
export function usersBackend(
  hub: Pick<Hub, 'connectionsOf'>,
  closeConnection: (id: string) => Promise<boolean>,
): UsersBackend {
  const connectionsOf = (user: string): Promise<readonly string[]> =>
    new Promise((resolve) => hub.connectionsOf(user, resolve));
  return {
    connectionsOf,
    disconnect: async (user) => {
      let closed = 0;
      for (const id of await connectionsOf(user)) if (await closeConnection(id)) closed++;
      return closed;
    },
  };
}
