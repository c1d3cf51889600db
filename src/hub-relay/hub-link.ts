import { type AtTurnEnd, type Guarded, guarded, TurnQueue } from '../clock/index.ts';
import { encodeItem, type PublishItem } from '../codec/grip/index.ts';
import { LEAST_COST, reportFault } from '../exchange/index.ts';
import type { ChannelWatcher, Counts, Hub, Publication } from '../hub/index.ts';
import type { ZmqContext } from '../zmq/index.ts';
import { CountsFeed } from './counts-feed.ts';
import { HeldBack, MAX_HELD_BACK } from './held-back.ts';
import { ItemBatch } from './item-batch.ts';
import { LinkedHistory } from './linked-history.ts';
import {
  barePacket,
  bytesPacket,
  jsonOf,
  KIND,
  namesOf,
  numberPacket,
  type Question,
  valuePacket,
} from './relay-packet.ts';
import { openPort, type RelayEnd, type RelayPort } from './relay-port.ts';
import type { RouterPart } from './router-part.ts';
import { type StorePart, storePartOf } from './store-packet.ts';

/** Names of channels in one packet. */
const NAMES = 1_024;

/** Hears of the places in the order of the items that the main process has marked. */
export interface MarkOwner {
  /** Whether nothing that comes after a mark is taken before `resume`. */
  readonly holdsBack: boolean;
  /** All that came before the mark has been delivered, and nothing that comes after it. */
  onMark(mark: number): void;
}

/** What a link needs of a hub. */
export type LinkedHub = Pick<
  Hub,
  | 'barrier'
  | 'catchUp'
  | 'channelInfos'
  | 'countReceivers'
  | 'deliver'
  | 'findHeld'
  | 'learnLastId'
  | 'lost'
  | 'recover'
  | 'refresh'
  | 'requestTurn'
  | 'unwatchChannels'
  | 'watchChannels'
> & { readonly counts: Counts };

/** A turn among those of publishers. */
class HubTurn implements Publication {
  readonly bytes = 0;
  readonly #link: Guarded;
  readonly #act: () => void;

  constructor(link: Guarded, act: () => void) {
    this.#link = link;
    this.#act = act;
  }

  onTurn(): boolean {
    this.#act();
    return true;
  }

  onFault(thrown: unknown): void {
    this.#link.onFault(thrown);
  }
}

/**
 * The way from the main process, which takes what is published, to the hub of a worker process, which has the clients. It tells the main process which
 * channels the hub has, at once: before a client knows that it is held, so that nothing published from then on misses it.
 */
export class HubLink implements ChannelWatcher, AtTurnEnd {
  readonly #context: ZmqContext;
  readonly #hub: LinkedHub;
  readonly #drain: () => void;
  readonly #port: RelayPort;
  readonly #deliver = (items: readonly PublishItem[]): void => {
    // Numbers of another epoch mean nothing here.
    if (!this.numbered) for (const item of items) item.number = 0;
    this.#hub.deliver(items);
  };
  /** Whether the main process goes on with what the clients here have their cursors of. */
  numbered = true;
  readonly #turns = new TurnQueue();
  /** The names of the hub's channels, and the keys of its patterns. */
  readonly #keys = new Set<string>();
  /** Changes that the main process has not been told of, in order. */
  #changes: string[] = [];
  /** It could not be told: it has to hear of all channels again. */
  #behind = false;
  /** Bytes taken that the main process has not been told of. */
  #taken = 0;
  #onConnected: () => void = () => {};
  /** Whether nobody subscribes to stats packets. */
  statsIdle = true;
  #closed = false;
  /** Whether the main process has been reached. */
  connected = false;
  /** Bytes of items that were published here and that the main process has not accepted. */
  unaccepted = 0;
  /** Is called when it has accepted some. */
  onAccepted: () => void = () => {};
  /** Hears of places in the order of the items; null for nobody. */
  marks: MarkOwner | null = null;
  /** Is called with parts of the items that are kept, before the last part of that. */
  onStore: (part: StorePart) => void = () => {};
  /** Is called with what it takes to order the items, in the order of the items. */
  onPart: (part: RouterPart) => void = () => {};
  /** The items that the main process keeps. */
  readonly history = new LinkedHistory((packet) => this.connected && this.#send(packet));
  readonly #counts: CountsFeed;
  /** What has come since a mark, while it is held back. */
  #heldBack: HeldBack | null = null;

  /**
   * @param context its counters count faults too
   * @param drain is called when no further items come
   */
  constructor(context: ZmqContext, end: RelayEnd, hub: LinkedHub, drain: () => void) {
    this.#drain = drain;
    this.#context = context;
    this.#hub = hub;
    const onPacket = (packet: Buffer): void => this.#onPacket(packet);
    this.#counts = new CountsFeed(
      hub.counts,
      this.#turns,
      (packet) => {
        if (!this.#behind && !this.#send(packet)) this.#behind = true;
      },
      this,
    );
    this.#port = openPort(context, end, true, this, onPacket, () => this.#onWritable());
  }

  /** Settles when the main process is reached. */
  ready(): Promise<void> {
    return new Promise((resolve) => {
      this.#onConnected = () => {
        if (!this.#send(barePacket(KIND.hello))) return;
        this.#onConnected = () => {};
        this.#hub.watchChannels(this);
        this.#counts.begin();
        this.#send(barePacket(KIND.told));
        this.connected = true;
        this.history.retry();
        this.onAccepted();
        resolve();
      };
      this.#onConnected();
    });
  }

  close(): Promise<void> {
    // The hub has no clients any more: no items are for it. The main process hears of the end of this one later.
    if (this.connected && !this.#closed) this.#send(barePacket(KIND.hello));
    this.#closed = true;
    this.#hub.unwatchChannels(this);
    this.#counts.stop();
    return this.#port.close();
  }

  /** Gives the main process a stats packet to publish. It is lost if too much waits for that process. */
  sendStats(packet: Buffer): void {
    this.#send(bytesPacket(KIND.stats, packet));
  }

  channelAdded(key: string): void {
    this.#keys.add(key);
    this.#changes.push(`+${key}`);
    this.#tellChanges();
    this.#port.flush();
  }

  channelRemoved(key: string): void {
    this.#keys.delete(key);
    if (this.#changes.length === 0) this.#turns.add(this);
    this.#changes.push(`-${key}`);
  }

  onTurnEnd(): void {
    this.#tellChanges();
    if (this.#taken > 0 && this.#send(numberPacket(KIND.taken, this.#taken))) this.#taken = 0;
  }

  onFault(thrown: unknown): void {
    reportFault(this.#context, thrown);
  }

  /** The hub has taken items of so many bytes. */
  onTaken(bytes: number): void {
    if (this.#taken === 0) this.#turns.add(this);
    this.#taken += bytes;
  }

  #tellChanges(): void {
    const changes = this.#changes;
    this.#changes = [];
    if (this.#behind) return;
    for (let i = 0; i < changes.length; i += NAMES) {
      if (!this.#send(valuePacket(KIND.channels, changes.slice(i, i + NAMES)))) this.#behind = true;
    }
  }

  #onWritable(): void {
    this.#onConnected();
    this.history.retry();
    if (this.#taken > 0) this.#turns.add(this);
    if (!this.#behind || !this.#send(barePacket(KIND.hello))) return;
    this.#behind = false;
    this.#changes = Array.from(this.#keys, (key) => `+${key}`);
    this.#tellChanges();
    this.#counts.begin();
    // Not a recovery at once: what is published before the main process has heard of the channels would be missed again.
    if (!this.#behind && !this.#send(barePacket(KIND.toldAgain))) this.#behind = true;
  }

  #send(packet: Buffer): boolean {
    return !this.#closed && this.#port.send([packet]);
  }

  /** Publishes items in the main process, which has to be connected. Returns false, with nothing done, if too much waits for it. */
  publish(items: readonly PublishItem[]): boolean {
    const encoded = items.map(encodeItem);
    const cost = encoded.reduce((sum, { length }) => sum + Math.max(LEAST_COST, length), 0);
    if (this.#closed || !this.#port.send([[numberPacket(KIND.publish, cost), ...encoded]])) return false;
    this.unaccepted += cost;
    return true;
  }

  /** Has all clients recover: items may have been lost. */
  recover(): void {
    this.#send(barePacket(KIND.recover));
  }

  /** Says that nothing is published from now on. */
  tellHeld(): void {
    this.#send(barePacket(KIND.held));
  }

  /** Says again that all channels have been told. Harmless where too much waits for the main process. */
  tellTold(): void {
    this.#send(barePacket(KIND.told));
  }

  /** Takes what was held back at a mark, up to the next one. */
  resume(): void {
    const heldBack = this.#heldBack;
    this.#heldBack = null;
    heldBack?.release((packet) => {
      this.#onPacket(packet);
      return this.#heldBack;
    });
    if (heldBack?.dropped === true) this.#hub.catchUp();
  }

  #holdBack(heldBack: HeldBack, packet: Buffer): void {
    const { dropped } = heldBack;
    if (heldBack.add(packet)) return;
    const { counters, log } = this.#context;
    counters.messagesDropped++;
    // They are no longer on their way.
    if (packet[0] === KIND.items) this.onTaken(packet.readUInt32BE(1));
    if (!dropped) log.warn({ bytes: MAX_HELD_BACK }, 'too many items wait for clients that move: items dropped');
  }

  #onMark(mark: number): void {
    if (this.marks?.holdsBack === true) this.#heldBack = new HeldBack();
    // In the order of the items: those before it may wait for their turn.
    this.#hub.requestTurn(new HubTurn(this, () => this.#hub.barrier(() => this.marks?.onMark(mark))));
  }

  #onPacket(packet: Buffer): void {
    if (packet[0] === KIND.accepted) {
      this.unaccepted -= packet.readUInt32BE(1);
      this.onAccepted();
      return;
    }
    if (this.#heldBack !== null) {
      this.#holdBack(this.#heldBack, packet);
      return;
    }
    switch (packet[0]) {
      case KIND.mark:
        this.#onMark(packet.readUInt32BE(1));
        break;
      case KIND.part: {
        const part = jsonOf(packet) as RouterPart;
        this.#hub.requestTurn(new HubTurn(this, () => this.onPart(part)));
        break;
      }
      case KIND.store:
        this.onStore(storePartOf(packet));
        break;
      case KIND.items:
        this.#hub.requestTurn(new ItemBatch(packet, this.#deliver, this));
        break;
      case KIND.kept:
        // As a mark: behind all that was sent before it.
        this.#hub.requestTurn(new HubTurn(this, () => this.#hub.barrier(() => this.history.onAnswer(packet))));
        break;
      case KIND.lastIds:
        this.#learn(namesOf(packet));
        break;
      case KIND.recover:
        this.#hub.recover();
        break;
      case KIND.missed:
        this.#hub.catchUp();
        break;
      case KIND.lost: {
        const [channel, from] = jsonOf(packet) as [string, number];
        this.#hub.requestTurn(new HubTurn(this, () => this.#hub.lost(channel, from)));
        break;
      }
      case KIND.question:
        this.#answer(jsonOf(packet) as Question);
        break;
      case KIND.watched:
        this.statsIdle = packet.readUInt32BE(1) === 0;
        break;
      case KIND.drain:
        this.#drain();
        break;
      default:
        throw new TypeError(`a packet of an unknown kind: ${packet[0]}`);
    }
  }

  #learn(names: readonly string[]): void {
    for (let i = 0; i + 1 < names.length; i += 2) this.#hub.learnLastId(names[i] as string, names[i + 1] as string);
  }

  #answer(question: Question): void {
    const { number } = question;
    // An answer may come from a promise, which nobody watches.
    const done = guarded(this, (value: unknown) => {
      this.#send(valuePacket(KIND.answer, { number, value }));
    });
    switch (question.about) {
      case 'receivers':
        this.#hub.countReceivers(question.items, done);
        break;
      case 'channels':
        this.#hub.channelInfos(question.names, done);
        break;
      case 'held':
        this.#hub.findHeld(new Set(question.ids), done);
        break;
      case 'refresh':
        this.#hub.refresh(question.id, done);
    }
  }
}
