import type { MarkOwner } from '../../hub-relay/index.ts';
import type { Connection, SuspendedConnection } from '../../server/index.ts';
import type { ProxyRole } from '../proxy-role.ts';
import { BATCH, type Giver, type SendMoving } from './moving-clients.ts';
import type { ClientGiverMessage, ClientTakerMessage, Looked, MovedClient } from './upgrade-messages.ts';

/** The clients of this process, as far as they move. */
export interface GivenClients extends Pick<ProxyRole, 'connections'> {
  readonly hub: Pick<ProxyRole['hub'], 'phase' | 'shaped' | 'lastIdsOf'>;
}

/** A batch under way. */
interface Batch {
  readonly number: number;
  readonly connections: ReadonlyMap<string, Connection>;
  /** Those that are suspended. */
  readonly suspended: Map<string, SuspendedConnection>;
  /** Whether they have been described. */
  marked: boolean;
}

/**
 * Gives the held clients of this process, and those between two requests, to another one. A batch is suspended at a mark in the order of the items:
 * the hub here has delivered what comes before. What comes meanwhile is kept here too, until the other process says that it can go on with them.
 * It writes nothing to them before it hears that they are forgotten here.
 */
export class ClientGiver implements Giver, MarkOwner {
  readonly holdsBack = false;
  readonly #clients: GivenClients;
  readonly #send: SendMoving<ClientGiverMessage>;
  /** Those that may move and have not been tried since the last look. */
  #movable: readonly Connection[] = [];
  /** Connections that the other process does not take. */
  readonly #refused = new Set<Connection>();
  #batch: Batch | null = null;

  constructor(clients: GivenClients, send: SendMoving<ClientGiverMessage>) {
    this.#clients = clients;
    this.#send = send;
  }

  async look(): Promise<Looked> {
    const { connections, hub } = this.#clients;
    hub.phase = 'moving';
    this.#movable = connections.filter((each) => each.mayMove && !this.#refused.has(each));
    return { movable: this.#movable.length, open: connections.length };
  }

  async offer(batch: number): Promise<number> {
    const connections = new Map<string, Connection>();
    let sent: Promise<void> = Promise.resolve();
    for (const connection of this.#movable.slice(0, BATCH)) {
      const { handle } = connection;
      if (handle === null) continue;
      const id = `${batch}-${connections.size}`;
      connections.set(id, connection);
      sent = new Promise((resolve) => this.#send({ kind: 'client', batch, id }, handle, resolve));
    }
    this.#movable = this.#movable.slice(BATCH);
    if (connections.size > 0) this.#batch = { number: batch, connections, suspended: new Map(), marked: false };
    await sent;
    return connections.size;
  }

  onMark(mark: number): void {
    const batch = this.#batch;
    if (batch === null || batch.number !== mark || batch.marked) return;
    const { hub } = this.#clients;
    const clients: MovedClient[] = [];
    const channels: string[] = [];
    batch.marked = true;
    for (const [id, connection] of batch.connections) {
      // What waits for the rate of a route would not move with its client.
      const suspended = hub.shaped > 0 ? null : connection.suspend();
      if (suspended === null) continue;
      batch.suspended.set(id, suspended);
      clients.push({ id, state: suspended.state });
      channels.push(...channelsOf(suspended.state));
    }
    this.#send({ kind: 'batch', batch: mark, clients, lastIds: hub.lastIdsOf(channels) });
  }

  onTaken({ batch: number, refused }: ClientTakerMessage): void {
    const batch = this.#batch;
    if (batch === null || batch.number !== number) return;
    this.#batch = null;
    for (const id of refused ?? []) {
      batch.suspended.get(id)?.resume();
      batch.suspended.delete(id);
      const connection = batch.connections.get(id);
      if (connection !== undefined) this.#refused.add(connection);
    }
    if (refused === null) resumeAll(batch);
    for (const suspended of batch.suspended.values()) suspended.forget();
    this.#send({ kind: 'go', batch: number, moved: batch.suspended.size });
  }

  keep(): void {
    const batch = this.#batch;
    this.#batch = null;
    this.#movable = [];
    this.#refused.clear();
    if (batch !== null) resumeAll(batch);
    this.#clients.hub.phase = 'still';
  }
}

function resumeAll({ suspended }: Batch): void {
  for (const each of suspended.values()) each.resume();
  suspended.clear();
}

/** The channels of a client that moves, wherever they are in its state. */
function channelsOf(state: unknown): readonly string[] {
  if (typeof state !== 'object' || state === null) return [];
  const { channels, responder, stream, inner, grip, hold } = state as Record<string, unknown>;
  if (Array.isArray(channels)) return channels as string[];
  return [responder, stream, inner, grip, hold].flatMap(channelsOf);
}
