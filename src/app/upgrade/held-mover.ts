import { TurnQueue } from '../../clock/index.ts';
import type { Sequence } from '../../hub/index.ts';
import {
  ForwardingPublisher,
  HubLink,
  HubRelay,
  type HubRelayOptions,
  LocalEnd,
  type MarkOwner,
  partsOf,
} from '../../hub-relay/index.ts';
import type { Connection, SuspendedConnection } from '../../server/index.ts';
import type { ProxyRole } from '../proxy-role.ts';
import type { Publishing } from '../publishing.ts';
import type { OldSide } from './hand-over.ts';
import type { ToNewProcess } from './upgrade-channel.ts';
import type { LastIds, MovedClient, NewProcessMessage } from './upgrade-messages.ts';

/** Clients that move together: items wait for as long as it takes to move them. */
const BATCH = 64;

/** Times that a client is tried which cannot move at present, and milliseconds between two of them. */
const ROUNDS = 10;
const PAUSE = 100;

/** Names of the workers of the relay. */
const OWN = 'own';
const NEW = 'new';

/** The clients of the proxy, as far as they move. */
export type MovingClients = Pick<ProxyRole, 'connections' | 'hub' | 'check' | 'adopt'>;

/** What both sides of a hand-over of clients are made of. */
export interface HandOverMeans extends HubRelayOptions {
  readonly clients: MovingClients;
  readonly publishing: Publishing;
}

/** A batch under way. */
interface Batch {
  readonly number: number;
  readonly connections: ReadonlyMap<string, Connection>;
  /** Those that are suspended. */
  readonly suspended: Map<string, SuspendedConnection>;
  readonly done: (moved: number) => void;
}

/**
 * Moves the held clients of this process, and those between two requests, to the new one. Meanwhile a relay stands between publishers and the hubs
 * of both processes, and orders the items; at the end the new process has the relay, and this one is one of its workers.
 *
 * No client misses an item or gets one twice. A batch is suspended at a mark in the order of the items: this hub has delivered what comes before, and the other
 * one holds back what comes after until it has the clients. What comes meanwhile is kept here too, until the new process says that it can go on with
 * them, and it writes nothing to them before it hears that they are forgotten here.
 */
export class HeldMover implements OldSide, MarkOwner {
  readonly holdsBack = false;
  readonly #means: HandOverMeans;
  readonly #turns = new TurnQueue();
  #channel: ToNewProcess | null = null;
  #relay: HubRelay | null = null;
  /** The way of this hub from the relay here, and later from the one in the new process. */
  #own: HubLink | null = null;
  #next: HubLink | null = null;
  /** Stands for the hub once the new process orders the items. */
  #forwarding: ForwardingPublisher | null = null;
  #batch: Batch | null = null;
  #batches = 0;
  #clients = 0;
  /** Connections that the new process does not take. */
  readonly #refused = new Set<Connection>();
  #onSwapped: () => void = () => {};
  /** What the relay has ordered last; null before it has stopped. */
  #sequence: Sequence | null = null;
  #over = false;

  constructor(means: HandOverMeans) {
    this.#means = means;
  }

  async lead(channel: ToNewProcess): Promise<void> {
    const { clients, publishing, log, wheel, zmqCounters } = this.#means;
    const { hub } = clients;
    const context = { wheel, counters: zmqCounters, log };
    const [near, far] = LocalEnd.pair();
    const relay = new HubRelay(this.#means);
    relay.add(OWN, near);
    relay.add(NEW, channel.toNew, true);
    const own = new HubLink(context, far, hub, ignore);
    own.marks = this;
    this.#channel = channel;
    this.#relay = relay;
    this.#own = own;
    this.#next = new HubLink(context, channel.toOld, hub, ignore);
    this.#over = false;
    this.#forwarding = null;
    this.#sequence = null;
    channel.send({ kind: 'clients', move: true });
    void this.#next.ready();
    await own.ready();
    await relay.told(OWN);
    if (this.#over) return;
    relay.router.goOn(hub.release());
    publishing.current = relay;
    publishing.keepsChannels = true;
  }

  async giveOver(): Promise<void> {
    const { clients, log } = this.#means;
    clients.hub.phase = 'moving';
    let moved = 0;
    for (let round = 0; round < ROUNDS && !this.#over; round++) {
      const movable = this.#movable;
      if (movable.length === 0) break;
      if (round > 0) await pause();
      for (let i = 0; i < movable.length && !this.#over; i += BATCH)
        moved += await this.#move(movable.slice(i, i + BATCH));
    }
    clients.hub.phase = 'still';
    if (!this.#over) await this.#swap();
    log.info({ moved, stay: clients.connections.length }, 'clients moved to the new process');
  }

  onMessage(message: NewProcessMessage): void {
    if (message.kind === 'taken') this.#onTaken(message.batch, message.refused);
    else if (message.kind === 'swapped') this.#onSwapped();
  }

  takeBack(): void {
    if (this.#over) return;
    const { clients, publishing } = this.#means;
    const { hub } = clients;
    this.#over = true;
    const batch = this.#batch;
    this.#batch = null;
    for (const suspended of batch?.suspended.values() ?? []) suspended.resume();
    this.#refused.clear();
    hub.phase = 'still';
    const relay = this.#relay;
    if (relay === null) return;
    // Ids that were seen stay in the relay; items that wait have left it.
    const { early } = this.#sequence ?? relay.router.release();
    hub.goOn({ ...relay.router.release(), early });
    publishing.current = hub;
    publishing.keepsChannels = false;
    // Those that wait to forward items go on here.
    if (this.#next !== null) this.#next.unaccepted = 0;
    this.#forwarding?.release();
    this.#forwarding = null;
    // What the relay has given last comes in this turn.
    setImmediate(() => this.close());
  }

  finish(): void {}

  /** Closes the ways between the hubs. */
  async close(): Promise<void> {
    this.#next?.leave();
    if (this.#relay !== null) this.#means.publishing.forget(this.#relay);
    const closed = [this.#relay?.close(), this.#own?.close(), this.#next?.close()];
    this.#over = true;
    this.#relay = null;
    this.#own = null;
    this.#next = null;
    await Promise.all(closed);
  }

  get #movable(): readonly Connection[] {
    return this.#means.clients.connections.filter((each) => each.mayMove && !this.#refused.has(each));
  }

  // ---- clients

  /** Moves those of a few connections that can move now. Returns how many. */
  async #move(connections: readonly Connection[]): Promise<number> {
    const channel = this.#channel as ToNewProcess;
    const byId = new Map<string, Connection>();
    let sent: Promise<void> = Promise.resolve();
    for (const connection of connections) {
      const { handle } = connection;
      if (handle === null) continue;
      const id = String(++this.#clients);
      byId.set(id, connection);
      sent = new Promise((resolve) => channel.send({ kind: 'client', id }, handle, () => resolve()));
    }
    await sent;
    if (this.#over || byId.size === 0) return 0;
    return new Promise((done) => {
      const number = ++this.#batches;
      this.#batch = { number, connections: byId, suspended: new Map(), done };
      this.#relay?.mark(number);
    });
  }

  onMark(mark: number): void {
    const batch = this.#batch;
    if (batch === null || batch.number !== mark) return;
    const { hub } = this.#means.clients;
    const clients: MovedClient[] = [];
    const channels: string[] = [];
    for (const [id, connection] of batch.connections) {
      // What waits for the rate of a route would not move with its client.
      const suspended = hub.shaped > 0 ? null : connection.suspend();
      if (suspended === null) continue;
      batch.suspended.set(id, suspended);
      clients.push({ id, state: suspended.state });
      channels.push(...channelsOf(suspended.state));
    }
    const lastIds: LastIds = hub.lastIdsOf(channels);
    this.#channel?.send({ kind: 'batch', batch: mark, clients, lastIds });
  }

  #onTaken(number: number, refused: readonly string[]): void {
    const batch = this.#batch;
    if (batch === null || batch.number !== number) return;
    this.#batch = null;
    for (const id of refused) {
      batch.suspended.get(id)?.resume();
      batch.suspended.delete(id);
      const connection = batch.connections.get(id);
      if (connection !== undefined) this.#refused.add(connection);
    }
    for (const suspended of batch.suspended.values()) suspended.forget();
    this.#channel?.send({ kind: 'go', batch: number });
    batch.done(batch.suspended.size);
  }

  // ---- items

  /** Lets the new process order the items. Publishers wait meanwhile. */
  async #swap(): Promise<void> {
    const { clients, publishing, counters, log } = this.#means;
    const relay = this.#relay as HubRelay;
    const next = this.#next as HubLink;
    await new Promise<void>((resolve) => {
      relay.onceHeld(resolve);
      this.#channel?.send({ kind: 'hold' });
    });
    if (this.#over) return;
    const forwarding = new ForwardingPublisher(next, clients.hub, { counters, log });
    forwarding.hold();
    this.#forwarding = forwarding;
    const swapped = new Promise<void>((resolve) => {
      this.#onSwapped = resolve;
    });
    // From here on no item is ordered in either process.
    publishing.current = forwarding;
    this.#sequence = relay.router.release();
    for (const part of partsOf(this.#sequence)) {
      relay.sendPart(NEW, part);
      await this.#turn();
    }
    await swapped;
    forwarding.release();
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => {
      this.#turns.add({ onTurnEnd: resolve, onFault: ignore });
    });
  }
}

/** The channels of a client that moves, wherever they are in its state. */
function channelsOf(state: unknown): readonly string[] {
  if (typeof state !== 'object' || state === null) return [];
  const { channels, responder, stream, inner, grip, hold } = state as Record<string, unknown>;
  if (Array.isArray(channels)) return channels as string[];
  return [responder, stream, inner, grip, hold].flatMap(channelsOf);
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, PAUSE));
}

function ignore(): void {}
