import type { Subscriber } from './subscriber.ts';

/** Clients that are looked at in one turn of the event loop: a millisecond or two. */
const CLIENTS_PER_TURN = 10_000;

/** The ids of the clients of a user, each once. It takes several turns where there are many clients; those that come and go meanwhile may be missed. */
export async function userConnections(clients: Iterable<Subscriber>, user: string): Promise<readonly string[]> {
  const ids = new Set<string>();
  let looked = 0;
  for (const client of clients) {
    if (++looked % CLIENTS_PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
    if (client.user === user) ids.add(client.id);
  }
  return [...ids];
}
