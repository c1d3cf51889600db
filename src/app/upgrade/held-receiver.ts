import { type Guarded, guarded } from '../../clock/index.ts';
import { reportFault } from '../../exchange/index.ts';
import {
  ForwardingPublisher,
  HubLink,
  HubRelay,
  LocalEnd,
  type RouterPart,
  SequenceReader,
} from '../../hub-relay/index.ts';
import type { NewSide } from './hand-over.ts';
import type { HandOverMeans } from './held-mover.ts';
import type { Taker } from './moving-clients.ts';
import type { SocketHandle, ToOldProcess } from './upgrade-channel.ts';
import type { OldProcessMessage } from './upgrade-messages.ts';

/** Names of the workers of the relay. */
const OWN = 'own';
const OLD = 'old';

const NOTHING = { seen: [], keys: [], versions: [], early: [], lastIds: new Map<string, string>(), stays: null };

/** Takes the clients that a `HeldMover` of the old process moves, and in the end the order of the items. */
export class HeldReceiver implements NewSide, Guarded {
  readonly #means: HandOverMeans;
  readonly #relay: HubRelay;
  #channel: ToOldProcess | null = null;
  /** The way of this hub from the relay of the old process, and from the one here. */
  #link: HubLink | null = null;
  #own: HubLink | null = null;
  #forwarding: ForwardingPublisher | null = null;
  #taker: Taker | null = null;
  readonly #sequence = new SequenceReader();
  #leads = false;
  #onEnded: () => void = () => {};

  constructor(means: HandOverMeans) {
    this.#means = means;
    this.#relay = new HubRelay(means);
  }

  /** @param move whether clients move; if they all stay this process orders the items at once */
  async follow(channel: ToOldProcess, move = true): Promise<void> {
    const { clients, publishing, history, presence, log, wheel, counters, zmqCounters } = this.#means;
    const { hub } = clients;
    const context = { wheel, counters: zmqCounters, log };
    const [near, far] = LocalEnd.pair();
    const ended = new Promise<void>((resolve) => {
      this.#onEnded = resolve;
    });
    this.#channel = channel;
    this.#relay.add(OWN, near);
    // Its worker processes tell this one of new channels by way of that process.
    this.#relay.add(OLD, channel.toOld, clients.spread);
    this.#own = new HubLink(context, far, hub.linked, ignore);
    if (!move) {
      await this.#own.ready();
      this.#leads = true;
      history.keepFor(this.#relay.router);
      publishing.current = this.#relay;
      presence.lead(this.#relay.router, presence.release());
      // Nothing that is published here misses its clients.
      await Promise.race([this.#relay.told(OLD), ended]);
      return;
    }
    // What the old process forwards may come before the order that it is to be brought into.
    this.#relay.router.hold();
    const link = new HubLink(context, channel.toNew, hub.linked, ignore);
    this.#taker = clients.takeBy(
      (message) => channel.send(message),
      () => link.resume(),
    );
    link.marks = this.#taker;
    link.onPart = (part) => this.#onPart(part);
    link.onStore = (part) => history.take(part);
    history.target.source = link.history;
    this.#link = link;
    this.#forwarding = new ForwardingPublisher(link, hub.linked, { counters, log });
    publishing.current = this.#forwarding;
    await Promise.all([link.ready(), this.#own.ready()]);
  }

  onMessage(message: OldProcessMessage, handle: SocketHandle | undefined): void {
    switch (message.kind) {
      case 'client':
      case 'batch':
      case 'go':
        this.#taker?.onMessage(message, handle);
        break;
      case 'hold':
        this.#forwarding?.hold();
        this.#link?.tellHeld();
        break;
      default:
        break;
    }
  }

  #onPart(part: RouterPart): void {
    this.#sequence.add(part);
    if (!part.last) return;
    this.#taker?.end();
    this.#arrive(true, () => {
      if (this.#leads) return;
      this.#lead();
      this.#channel?.send({ kind: 'swapped' });
    });
  }

  /** Keeps items from here on, and calls `done`. */
  #arrive(whole: boolean, done: () => void): void {
    const { history } = this.#means;
    history
      .arrive(whole)
      // Without a store items are delivered all the same.
      .catch((error: Error) => this.#means.log.error({ reason: error.message }, 'history cannot be kept'))
      .then(guarded(this, done))
      .catch((thrown: unknown) => this.onFault(thrown));
  }

  onFault(thrown: unknown): void {
    reportFault(this.#means, thrown);
  }

  /** Orders the items from here on. */
  #lead(): void {
    this.#leads = true;
    this.#means.history.keepFor(this.#relay.router);
    this.#relay.router.goOn(this.#sequence);
    this.#means.publishing.current = this.#relay;
    this.#forwarding?.release();
  }

  onOldProcessEnded(): void {
    this.#taker?.onGiverGone();
    this.#relay.remove(OLD);
    this.#onEnded();
    if (this.#leads) {
      this.#settle();
      return;
    }
    this.#arrive(false, () => {
      if (!this.#leads) this.#lead();
      this.#settle();
    });
  }

  /** What waits to be stored comes before what this hub orders. */
  #settle(): void {
    const { router } = this.#relay;
    if (router.history.idle) {
      this.#end();
      return;
    }
    router.hold();
    void router.history.settled().then(guarded(this, () => this.#end()));
  }

  #end(): void {
    const { clients, publishing } = this.#means;
    const { router } = this.#relay;
    clients.hub.goOn(router.release());
    publishing.current = clients.hub.publishing;
    // Publishers that waited here go on.
    router.goOn(NOTHING);
    // What the relay has given last comes in this turn; publishers that wait there are given their turn.
    setImmediate(() => this.#leave());
  }

  /** The hub of this process takes what is published, as before. */
  async #leave(): Promise<void> {
    this.#taker?.end();
    this.#forwarding?.end();
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
    this.#forwarding?.end();
    await Promise.all([this.#relay.close(), this.#own?.close(), this.#link?.close()]);
  }
}

function ignore(): void {}
