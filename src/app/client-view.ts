import type { Connection, ConnectionDetails, ConnectionPage, ConnectionsQuery } from '../control/index.ts';
import { FirstByKey, type Hub, patternKey, patternOf, type Subscriber } from '../hub/index.ts';
import { type Connection as ClientConnection, connectionName, type HttpServer } from '../server/index.ts';

/** Clients that are looked at in one turn of the event loop: a millisecond or two. */
const CLIENTS_PER_TURN = 10_000;

/** Kinds of connections that are held, by what they take. */
const KINDS = { 'http-stream': 'stream', 'http-response': 'response', 'ws-message': 'websocket' } as const;

/** What is asked about the clients of one process. */
export type ClientQuestion =
  | { readonly about: 'list'; readonly query: ConnectionsQuery }
  | { readonly about: 'details'; readonly id: string }
  | { readonly about: 'close'; readonly id: string }
  | { readonly about: 'disconnect'; readonly user: string };

/** What each question is answered with. */
export interface ClientAnswers {
  readonly list: ConnectionPage;
  /** Null if there is no such connection. */
  readonly details: ConnectionDetails | null;
  /** Whether there was one. */
  readonly close: boolean;
  /** How many connections the user had. */
  readonly disconnect: number;
}

/** The connections of the clients of this process: what is held, and what is not. */
export class ClientView {
  readonly #hub: Pick<Hub, 'clients'>;
  readonly #servers: readonly HttpServer[];

  /** @param servers may become more */
  constructor(hub: Pick<Hub, 'clients'>, servers: readonly HttpServer[]) {
    this.#hub = hub;
    this.#servers = servers;
  }

  /** Answers what may come from another process. */
  async answer(question: ClientQuestion): Promise<ClientAnswers[ClientQuestion['about']]> {
    switch (question.about) {
      case 'list':
        return this.list(question.query);
      case 'details':
        return this.details(question.id);
      case 'close':
        return this.close(question.id);
      case 'disconnect':
        return this.disconnect(question.user);
    }
  }

  /** Lists those that are held. It takes several turns where there are many; those that come and go meanwhile may be missed. */
  async list({ channel, pattern, user, after = '', limit }: ConnectionsQuery): Promise<ConnectionPage> {
    const key = channel === undefined || pattern === 'false' ? channel : patternKey(channel);
    const first = new FirstByKey<{ readonly key: string; readonly client: Subscriber }>(limit + 1);
    let total = 0;
    await this.#each((client) => {
      if (key !== undefined && !client.hasJoined(key)) return;
      if (user !== undefined && client.user !== user) return;
      total++;
      if (client.id > after) first.add({ key: client.id, client });
    });
    const connections = first.all.slice(0, limit).map(({ client }) => heldConnection(client));
    return { connections, total, next: first.all.length > limit ? (connections.at(-1)?.id ?? null) : null };
  }

  /** What is known of a connection; null if there is none. */
  details(id: string): ConnectionDetails | null {
    const client = this.#client(id);
    const connection = this.#connection(id);
    const facts = connection?.facts ?? null;
    if (client !== null) {
      return { ...heldConnection(client), received: facts?.received ?? null, sent: facts?.sent ?? null };
    }
    if (connection === undefined || facts === null) return null;
    const { isWebSocket, peer, encrypted, received, sent } = facts;
    const unheld = { held: false, route: null, user: null, channels: [], patterns: [], since: null, items: null };
    const kind = isWebSocket ? 'websocket' : 'other';
    return { id: connection.id, kind, ...unheld, cursor: null, peer: peer.address, encrypted, received, sent };
  }

  /** Ends what is held in order, and cuts anything else. Returns whether there was such a connection. */
  close(id: string): boolean {
    const client = this.#client(id);
    const connection = this.#connection(id);
    if (client !== null) end(client, connection);
    else connection?.cut();
    return client !== null || connection !== undefined;
  }

  /** Ends what a user has that is held. Resolves with how many connections that were. */
  async disconnect(user: string): Promise<number> {
    const clients: Subscriber[] = [];
    await this.#each((client) => {
      if (client.user === user) clients.push(client);
    });
    for (const client of clients) {
      // The search for its connection is long where there are many.
      await nextTurn();
      end(client, this.#connection(client.id));
    }
    return clients.length;
  }

  async #each(look: (client: Subscriber) => void): Promise<void> {
    let looked = 0;
    for (const client of this.#hub.clients()) {
      if (++looked % CLIENTS_PER_TURN === 0) await nextTurn();
      look(client);
    }
  }

  #client(id: string): Subscriber | null {
    const name = connectionName(id);
    for (const client of this.#hub.clients()) if (connectionName(client.id) === name) return client;
    return null;
  }

  #connection(id: string): ClientConnection | undefined {
    for (const server of this.#servers) {
      const connection = server.connection(id);
      if (connection !== undefined) return connection;
    }
    return undefined;
  }
}

/** The pages of several processes as one. */
export function joinedPages(pages: readonly ConnectionPage[], limit: number): ConnectionPage {
  const all = pages.flatMap(({ connections }) => connections).sort((one, other) => (one.id < other.id ? -1 : 1));
  const connections = all.slice(0, limit);
  const isMore = all.length > limit || pages.some(({ next }) => next !== null);
  const total = pages.reduce((sum, page) => sum + page.total, 0);
  return { connections, total, next: isMore ? (connections.at(-1)?.id ?? null) : null };
}

/** Ends a client in order, or cuts its connection where that is not possible. */
function end(client: Subscriber, connection: ClientConnection | undefined): void {
  // The response that ends now is the last one on its connection.
  if (client.format !== 'ws-message') connection?.drain();
  if (!client.disconnect()) connection?.cut();
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function heldConnection(client: Subscriber): Connection {
  const { id, format, peer, encrypted, route, user, channelNames, since, record, cursor } = client;
  return {
    id,
    kind: KINDS[format],
    held: true,
    peer: peer.address,
    encrypted,
    route: route || null,
    user,
    channels: channelNames.filter((key) => patternOf(key) === null),
    patterns: channelNames.flatMap((key) => patternOf(key) ?? []),
    since: new Date(since * 1_000).toISOString(),
    items: record?.items ?? null,
    cursor,
  };
}
