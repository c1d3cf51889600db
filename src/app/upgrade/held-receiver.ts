import { reportFault } from '../../exchange/index.ts';
import {
  ForwardingPublisher,
  HubLink,
  HubRelay,
  LocalEnd,
  type MarkOwner,
  type RouterPart,
  SequenceReader,
} from '../../hub-relay/index.ts';
import type { SocketHandle as ClientHandle } from '../../server/index.ts';
import type { NewSide } from './hand-over.ts';
import type { HandOverMeans } from './held-mover.ts';
import type { SocketHandle, ToOldProcess } from './upgrade-channel.ts';
import type { LastIds, MovedClient, OldProcessMessage } from './upgrade-messages.ts';

/** Names of the workers of the relay. */
const OWN = 'own';
const OLD = 'old';

/** A batch that has come. */
interface Batch {
  readonly number: number;
  readonly clients: readonly MovedClient[];
  readonly lastIds: LastIds;
}

/** Takes the clients that a `HeldMover` of the old process moves, and in the end the order of the items. */
export class HeldReceiver implements NewSide, MarkOwner {
  readonly holdsBack = true;
  readonly #means: HandOverMeans;
  readonly #relay: HubRelay;
  #channel: ToOldProcess | null = null;
  /** The way of this hub from the relay of the old process, and from the one here. */
  #link: HubLink | null = null;
  #own: HubLink | null = null;
  #forwarding: ForwardingPublisher | null = null;
  /** Sockets of clients that are not here yet. */
  readonly #handles = new Map<string, ClientHandle>();
  /** The mark that was reached last: nothing that comes after it is delivered. */
  #mark = 0;
  #batch: Batch | null = null;
  /** Those of the batch that go on here. */
  #taken: readonly MovedClient[] = [];
  readonly #sequence = new SequenceReader();
  #leads = false;
  #ended = false;
  #onEnded: () => void = () => {};

  constructor(means: HandOverMeans) {
    this.#means = means;
    this.#relay = new HubRelay(means);
  }

  /** @param move whether clients move; if they all stay this process orders the items at once */
  async follow(channel: ToOldProcess, move = true): Promise<void> {
    const { clients, publishing, log, wheel, counters, zmqCounters } = this.#means;
    const { hub } = clients;
    const context = { wheel, counters: zmqCounters, log };
    const [near, far] = LocalEnd.pair();
    const ended = new Promise<void>((resolve) => {
      this.#onEnded = resolve;
    });
    this.#channel = channel;
    this.#relay.add(OWN, near);
    this.#relay.add(OLD, channel.toOld);
    this.#own = new HubLink(context, far, hub, ignore);
    if (!move) {
      await this.#own.ready();
      this.#leads = true;
      publishing.current = this.#relay;
      // Nothing that is published here misses its clients.
      await Promise.race([this.#relay.told(OLD), ended]);
      return;
    }
    // What the old process forwards may come before the order that it is to be brought into.
    this.#relay.router.hold();
    const link = new HubLink(context, channel.toNew, hub, ignore);
    link.marks = this;
    link.onPart = (part) => this.#onPart(part);
    this.#link = link;
    this.#forwarding = new ForwardingPublisher(link, hub, { counters, log });
    publishing.current = this.#forwarding;
    await Promise.all([link.ready(), this.#own.ready()]);
  }

  onMessage(message: OldProcessMessage, handle: SocketHandle | undefined): void {
    switch (message.kind) {
      case 'client':
        if (handle !== undefined) this.#handles.set(message.id, handle as ClientHandle);
        break;
      case 'batch':
        this.#batch = { number: message.batch, clients: message.clients, lastIds: message.lastIds };
        this.#check();
        break;
      case 'go':
        this.#take();
        break;
      case 'hold':
        this.#forwarding?.hold();
        this.#link?.tellHeld();
        break;
      default:
        break;
    }
  }

  onMark(mark: number): void {
    this.#mark = mark;
    this.#check();
  }

  /** Says which clients can go on here, once all that came before them has been delivered. */
  #check(): void {
    const batch = this.#batch;
    if (batch === null || batch.number !== this.#mark) return;
    const { clients, log } = this.#means;
    const refused: string[] = [];
    this.#taken = batch.clients.filter(({ id, state }) => {
      try {
        if (!this.#handles.has(id)) throw new Error('its socket has not come');
        clients.check(state);
        return true;
      } catch (error) {
        log.debug({ detail: (error as Error).message }, 'client stays in the old process');
        refused.push(id);
        return false;
      }
    });
    if (this.#ended) this.#take();
    else this.#channel?.send({ kind: 'taken', batch: batch.number, refused });
  }

  /** The clients are the old process's no longer. */
  #take(): void {
    const { clients, log, counters } = this.#means;
    const { hub } = clients;
    const lastIds = this.#batch?.lastIds ?? [];
    hub.phase = 'adopting';
    for (const { id, state } of this.#taken) {
      const handle = this.#handles.get(id) as ClientHandle;
      this.#handles.delete(id);
      try {
        clients.adopt(handle, state);
      } catch (thrown) {
        reportFault({ counters, log }, thrown);
      }
    }
    hub.phase = 'still';
    hub.noteLastIds(lastIds);
    this.#taken = [];
    this.#batch = null;
    this.#closeHandles();
    this.#link?.resume();
  }

  /** Those that are left stay with the old process, which has the sockets too. */
  #closeHandles(): void {
    for (const handle of this.#handles.values()) handle.close();
    this.#handles.clear();
  }

  #onPart(part: RouterPart): void {
    this.#sequence.add(part);
    if (!part.last) return;
    this.#lead();
    this.#channel?.send({ kind: 'swapped' });
  }

  /** Orders the items from here on. */
  #lead(): void {
    this.#leads = true;
    this.#relay.router.goOn(this.#sequence);
    this.#means.publishing.current = this.#relay;
    this.#forwarding?.release();
  }

  onOldProcessEnded(): void {
    const { clients, publishing } = this.#means;
    this.#ended = true;
    // It cannot say any more that they are forgotten there, and does not have them any more.
    if (this.#batch !== null) this.#take();
    this.#closeHandles();
    this.#link?.resume();
    if (!this.#leads) this.#lead();
    this.#relay.remove(OLD);
    clients.hub.goOn(this.#relay.router.release());
    publishing.current = clients.hub;
    this.#onEnded();
    // What the relay has given last comes in this turn; publishers that wait there are given their turn.
    setImmediate(() => this.#leave());
  }

  /** The hub of this process takes what is published, as before. */
  async #leave(): Promise<void> {
    const { publishing } = this.#means;
    const { router } = this.#relay;
    if (!router.idle) {
      await new Promise<void>((resolve) => {
        router.onIdle = resolve;
      });
    }
    publishing.forget(this.#relay);
    if (this.#forwarding !== null) publishing.forget(this.#forwarding);
    await this.close();
  }

  /** Closes the ways between the hubs. */
  async close(): Promise<void> {
    await Promise.all([this.#relay.close(), this.#own?.close(), this.#link?.close()]);
  }
}

function ignore(): void {}
