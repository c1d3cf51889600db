import type { Socket } from 'node:net';
import { type AtTurnEnd, TurnQueue } from '../clock/index.ts';
import { reportFault } from '../exchange/index.ts';
import type { ChannelWatcher, Hub } from '../hub/index.ts';
import { DealerSocket, type ZmqContext } from '../zmq/index.ts';
import { ItemBatch } from './item-batch.ts';
import {
  barePacket,
  bytesPacket,
  jsonOf,
  KIND,
  namesOf,
  numberPacket,
  type Question,
  RELAY_SOCKET,
  valuePacket,
} from './relay-packet.ts';

/** Names of channels in one packet. */
const NAMES = 1_024;

/**
 * The way from the main process, which takes what is published, to the hub of a worker process, which has the clients. It tells the main process which
 * channels the hub has, at once: before a client knows that it is held, so that nothing published from then on misses it.
 */
export class HubLink implements ChannelWatcher, AtTurnEnd {
  readonly #context: ZmqContext;
  readonly #hub: Hub;
  readonly #drain: () => void;
  readonly #dealer: DealerSocket;
  readonly #turns = new TurnQueue();
  /** The hub's channels. */
  readonly #names = new Set<string>();
  /** Changes that the main process has not been told of, in order. */
  #changes: string[] = [];
  /** It could not be told: it has to hear of all channels again. */
  #behind = false;
  /** Bytes taken that the main process has not been told of. */
  #taken = 0;
  #onConnected: () => void = () => {};
  /** Whether nobody subscribes to stats packets. */
  statsIdle = true;

  /**
   * @param context its counters count faults too
   * @param drain is called when no further items come
   */
  constructor(context: ZmqContext, socket: Socket, hub: Hub, drain: () => void) {
    this.#drain = drain;
    this.#context = context;
    this.#hub = hub;
    this.#dealer = new DealerSocket(
      context,
      RELAY_SOCKET,
      (parts) => this.#onPacket(parts[0] as Buffer),
      () => this.#onWritable(),
    );
    this.#dealer.adopt(socket, true);
  }

  /** Settles when the main process is reached. */
  ready(): Promise<void> {
    return new Promise((resolve) => {
      this.#onConnected = () => {
        if (!this.#send(barePacket(KIND.hello))) return;
        this.#onConnected = () => {};
        this.#hub.watchChannels(this);
        resolve();
      };
      this.#onConnected();
    });
  }

  close(): Promise<void> {
    return this.#dealer.close();
  }

  /** Gives the main process a stats packet to publish. It is lost if too much waits for that process. */
  sendStats(packet: Buffer): void {
    this.#send(bytesPacket(KIND.stats, packet));
  }

  channelAdded(name: string): void {
    this.#names.add(name);
    this.#changes.push(`+${name}`);
    this.#tellChanges();
    this.#dealer.flush();
  }

  channelRemoved(name: string): void {
    this.#names.delete(name);
    if (this.#changes.length === 0) this.#turns.add(this);
    this.#changes.push(`-${name}`);
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
    if (this.#taken > 0) this.#turns.add(this);
    if (!this.#behind || !this.#send(barePacket(KIND.hello))) return;
    this.#behind = false;
    this.#changes = Array.from(this.#names, (name) => `+${name}`);
    this.#tellChanges();
    // Not a recovery at once: what is published before the main process has heard of the channels would be missed again.
    if (!this.#behind && !this.#send(barePacket(KIND.toldAgain))) this.#behind = true;
  }

  #send(packet: Buffer): boolean {
    return this.#dealer.send([packet]);
  }

  #onPacket(packet: Buffer): void {
    switch (packet[0]) {
      case KIND.items:
        this.#hub.requestTurn(new ItemBatch(packet, this.#hub, this));
        break;
      case KIND.lastIds:
        this.#learn(namesOf(packet));
        break;
      case KIND.recover:
        this.#hub.recover();
        break;
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
    const done = (value: unknown): void => {
      this.#send(valuePacket(KIND.answer, { number, value }));
    };
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
