import { type Guarded, guarded, TurnQueue } from '../../clock/index.ts';
import { reportFault } from '../../exchange/index.ts';
import type { PresenceTable, Sequence } from '../../hub/index.ts';
import {
  ForwardingPublisher,
  HubLink,
  HubRelay,
  type HubRelayOptions,
  LocalEnd,
  type MarkOwner,
  partsOf,
  type StorePart,
} from '../../hub-relay/index.ts';
import type { HistoryRole } from '../history-role.ts';
import type { Publishing } from '../publishing.ts';
import type { OldSide } from './hand-over.ts';
import { BATCH, type Giver, type MovingClients } from './moving-clients.ts';
import type { SocketHandle, ToNewProcess } from './upgrade-channel.ts';
import type { ClientGiverMessage, NewProcessMessage } from './upgrade-messages.ts';

/** Times that a client is tried which cannot move at present, and milliseconds between two of them. */
const ROUNDS = 10;
const PAUSE = 100;

/** Names of the workers of the relay. */
const OWN = 'own';
const NEW = 'new';

/** What both sides of a hand-over of clients are made of. */
export interface HandOverMeans extends HubRelayOptions {
  readonly clients: MovingClients;
  readonly publishing: Publishing;
  /** Keeps the items of channels. */
  readonly history: HistoryRole;
  readonly presence: PresenceTable;
}

/** A batch under way. */
interface Batch {
  readonly number: number;
  readonly giver: Giver;
  readonly done: (moved: number) => void;
}

/**
 * Moves the held clients of this process, and those between two requests, to the new one, in one upgrade. Meanwhile a relay stands between
 * publishers and the hubs of both processes, and orders the items; at the end the new process has the relay, and this one is one of its workers.
 *
 * No client misses an item or gets one twice. A batch is suspended at a mark in the order of the items: this hub has delivered what comes before,
 * and the other one holds back what comes after until it has the clients. What comes meanwhile is kept here too: see `ClientGiver`.
 */
export class HeldMover implements OldSide, MarkOwner, Guarded {
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
  #givers: readonly Giver[] = [];
  #batch: Batch | null = null;
  #batches = 0;
  #onSwapped: () => void = () => {};
  /** What the relay has ordered last; null before it has stopped. */
  #sequence: Sequence | null = null;
  /** The upgrade has been given up. */
  #givenUp = false;
  /** The relay orders the items, or has done so. */
  #leads = false;

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
    const own = new HubLink(context, far, hub.linked, ignore);
    own.marks = this;
    this.#channel = channel;
    this.#relay = relay;
    this.#own = own;
    this.#next = new HubLink(context, channel.toOld, hub.linked, ignore);
    channel.send({ kind: 'clients', move: true });
    void this.#next.ready();
    await own.ready();
    await relay.told(OWN);
    if (this.#givenUp) return;
    this.#leads = true;
    this.#means.history.keepFor(relay.router);
    relay.router.goOn(hub.release());
    publishing.current = relay;
    publishing.keepsChannels = true;
  }

  async giveOver(): Promise<void> {
    const { clients, history, log } = this.#means;
    // What this hub has ordered itself has no place among the marks.
    await history.target.settled();
    if (this.#givenUp) return;
    this.#givers = clients.giveBy((message, handle, onSent) => this.#send(message, handle, onSent));
    let moved = 0;
    let stay = 0;
    for (let round = 0; round < ROUNDS && !this.#givenUp; round++) {
      const looks = await Promise.all(this.#givers.map((giver) => giver.look()));
      stay = looks.reduce((sum, { open }) => sum + open, 0);
      if (looks.every(({ movable }) => movable === 0)) break;
      if (round > 0) await pause();
      for (const [i, giver] of this.#givers.entries()) {
        for (let left = looks[i]?.movable ?? 0; left > 0 && !this.#givenUp; left -= BATCH) {
          const gone = await this.#move(giver);
          moved += gone;
          stay -= gone;
        }
      }
    }
    if (this.#givenUp) return;
    for (const giver of this.#givers) giver.keep();
    await this.#swap();
    log.info({ moved, stay }, 'clients moved to the new process');
  }

  onMessage(message: NewProcessMessage): void {
    if (message.kind === 'taken' && message.batch === this.#batch?.number) this.#batch.giver.onTaken(message);
    else if (message.kind === 'swapped') this.#onSwapped();
  }

  takeBack(): void {
    if (this.#givenUp) return;
    this.#givenUp = true;
    const batch = this.#batch;
    this.#batch = null;
    for (const giver of this.#givers) giver.keep();
    // Nobody waits any longer.
    batch?.done(0);
    const relay = this.#relay;
    const isStored = relay?.router.history.idle !== false;
    if (isStored) this.#goBack(relay);
    else {
      // What waits to be stored comes before what this hub orders.
      relay.router.hold();
      void relay.router.history.settled().then(guarded(this, () => this.#goBack(relay)));
    }
  }

  /** This hub orders the items again. */
  #goBack(relay: HubRelay | null): void {
    const { clients, publishing, history } = this.#means;
    const { hub } = clients;
    if (relay !== null && this.#leads) {
      // Ids that were seen stay in the relay; items that wait, and who is there, have left it.
      const { early, stays } = this.#sequence ?? relay.router.release();
      hub.goOn({ ...relay.router.release(), early, stays });
      publishing.current = hub.publishing;
      publishing.keepsChannels = false;
    }
    history.takeBack().catch((thrown: unknown) => this.onFault(thrown));
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
    this.#forwarding?.end();
    if (this.#relay !== null) this.#means.publishing.forget(this.#relay);
    const closed = [this.#relay?.close(), this.#own?.close(), this.#next?.close()];
    this.#relay = null;
    this.#own = null;
    this.#next = null;
    await Promise.all(closed);
  }

  // ---- clients

  /** Moves those of the next clients that can move now. Returns how many. */
  async #move(giver: Giver): Promise<number> {
    const number = ++this.#batches;
    const gone = new Promise<number>((done) => {
      this.#batch = { number, giver, done };
    });
    if ((await giver.offer(number)) === 0 || this.#givenUp) {
      this.#batch = null;
      return 0;
    }
    this.#relay?.mark(number);
    return gone;
  }

  onMark(mark: number): void {
    if (this.#batch?.number === mark) this.#batch.giver.onMark(mark);
  }

  #send(message: ClientGiverMessage, handle?: SocketHandle, onSent?: () => void): void {
    this.#channel?.send(message, handle, onSent);
    if (message.kind !== 'go' || message.batch !== this.#batch?.number) return;
    const { done } = this.#batch;
    this.#batch = null;
    done(message.moved);
  }

  // ---- items

  /** Lets the new process order the items. Publishers wait meanwhile. */
  async #swap(): Promise<void> {
    const { clients, publishing, history, counters, log } = this.#means;
    const relay = this.#relay as HubRelay;
    const next = this.#next as HubLink;
    await new Promise<void>((resolve) => {
      relay.onceHeld(resolve);
      this.#channel?.send({ kind: 'hold' });
    });
    if (this.#givenUp) return;
    const forwarding = new ForwardingPublisher(next, clients.hub.linked, { counters, log });
    forwarding.hold();
    this.#forwarding = forwarding;
    const swapped = new Promise<void>((resolve) => {
      this.#onSwapped = resolve;
    });
    // From here on no item is ordered in either process.
    publishing.current = forwarding;
    this.#sequence = relay.router.release();
    await relay.router.history.settled();
    await history.give((part) => this.#sendStore(relay, part));
    if (this.#givenUp) return;
    for (const part of partsOf(this.#sequence)) {
      relay.sendPart(NEW, part);
      await this.#turn();
    }
    await swapped;
    // From here on the new process answers what clients have missed.
    history.target.source = next.history;
    forwarding.release();
  }

  async #sendStore(relay: HubRelay, part: StorePart): Promise<void> {
    while (!this.#givenUp && !relay.sendStore(NEW, part)) await pause();
    await this.#turn();
  }

  /** An exception of a call after storing. */
  onFault(thrown: unknown): void {
    reportFault(this.#means, thrown);
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => {
      this.#turns.add({ onTurnEnd: resolve, onFault: ignore });
    });
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, PAUSE));
}

function ignore(): void {}
