import { inSlices } from '../clock/index.ts';
import type { Connection, ConnectionDetails, ConnectionPage, ConnectionsQuery } from '../control/index.ts';
import { FirstByKey, type Hub, patternKey, patternOf, type Subscriber } from '../hub/index.ts';
import { type Connection as ClientConnection, connectionName, type HttpServer } from '../server/index.ts';

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

/**
 * The connections of the clients of this process: what is held, and what is not. Nothing finds them by their ids, because that would cost memory for each: all are
 * looked at, in several turns where there are many.
 */
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

  /** Lists those that are held. Those that come and go meanwhile may be missed. */
  async list({ channel, pattern, user, after = '', limit }: ConnectionsQuery): Promise<ConnectionPage> {
    const key = channel === undefined || pattern === 'false' ? channel : patternKey(channel);
    const first = new FirstByKey<{ readonly key: string; readonly client: Subscriber }>(limit + 1);
    let total = 0;
    await inSlices(this.#hub.clients(), (client) => {
      if (key !== undefined && !client.hasJoined(key)) return;
      if (user !== undefined && client.user !== user) return;
      total++;
      if (client.id > after) first.add({ key: client.id, client });
    });
    const connections = first.all.slice(0, limit).map(({ client }) => heldConnection(client));
    return { connections, total, next: first.all.length > limit ? (connections.at(-1)?.id ?? null) : null };
  }

  /** What is known of a connection; null if there is none. */
  async details(id: string): Promise<ConnectionDetails | null> {
    const { client, connection } = await this.#find(id);
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

  /** Ends what is held in order, and cuts anything else. Resolves with whether there was such a connection. */
  async close(id: string): Promise<boolean> {
    const { client, connection } = await this.#find(id);
    if (client !== null) end(client, connection);
    else connection?.cut();
    return client !== null || connection !== undefined;
  }

  /** Ends what a user has that is held. Resolves with how many connections that were. */
  async disconnect(user: string): Promise<number> {
    const clients: Subscriber[] = [];
    await inSlices(this.#hub.clients(), (client) => {
      if (client.user === user) clients.push(client);
    });
    const connections = await this.#connectionsNamed(new Set(clients.map(({ id }) => connectionName(id))));
    let ended = 0;
    await inSlices(clients, (client) => {
      // It may have left by itself, or have become another user.
      if (!this.#hub.clients().has(client) || client.user !== user) return;
      end(client, this.#ifOpen(connections.get(connectionName(client.id))));
      ended++;
    });
    return ended;
  }

  async #find(id: string): Promise<{ client: Subscriber | null; connection: ClientConnection | undefined }> {
    const name = connectionName(id);
    const connections = await this.#connectionsNamed(new Set([name]));
    const clients: Subscriber[] = [];
    await inSlices(this.#hub.clients(), (client) => {
      if (connectionName(client.id) === name) clients.push(client);
    });
    const client = clients.find((each) => this.#hub.clients().has(each)) ?? null;
    return { client, connection: this.#ifOpen(connections.get(name)) };
  }

  async #connectionsNamed(names: ReadonlySet<string>): Promise<ReadonlyMap<string, ClientConnection>> {
    const found = new Map<string, ClientConnection>();
    for (const { connections } of this.#servers) {
      await inSlices(connections, (connection) => {
        const name = connectionName(connection.id);
        if (names.has(name)) found.set(name, connection);
      });
    }
    return found;
  }

  /** The connection, unless it is over, or something else has taken its place since it was found. */
  #ifOpen(connection: ClientConnection | undefined): ClientConnection | undefined {
    if (connection === undefined || connection.isOver) return undefined;
    return this.#servers.some((server) => server.has(connection)) ? connection : undefined;
  }
}

/** Ends a client in order, or cuts its connection where that is not possible. */
function end(client: Subscriber, connection: ClientConnection | undefined): void {
  // The response that ends now is the last one on its connection.
  if (client.format !== 'ws-message') connection?.drain();
  if (!client.disconnect()) connection?.cut();
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
