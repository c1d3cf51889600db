import { PublishError, type PublishItem, parsePublishMessage, ReusedKeyError } from '../codec/grip/index.ts';
import { type ControlCounters, LineRate, type Log, reportFault } from '../exchange/index.ts';
import type { Publication } from '../hub/index.ts';
import type { MessagePublisher } from './message-publisher.ts';

/** What inputs share. */
export interface InputRoom {
  readonly publisher: MessagePublisher;
  /** Gives publications their turn. */
  readonly turns: Pick<MessagePublisher, 'requestTurn'>;
  readonly counters: ControlCounters;
  readonly log: Log;
}

/** A socket, as far as it is held back. */
export interface Pausable {
  pause(): void;
  resume(): void;
}

/** An item with an idempotency key, and that with the digest of the item. */
interface KeyedItem {
  readonly item: PublishItem;
  readonly keys: ReadonlyMap<string, string>;
}

/**
 * Bytes that a message counts as at least, when a turn of the event loop is shared out among publishers: 512 messages are a turn, as with
 * items over HTTP.
 */
const LEAST_BYTES = 512;

/**
 * Publishes the item of each message of one socket. While the hub takes no more, the socket is paused, so that its peers wait. A message
 * that is no item is counted and logged, and nothing else happens: nobody waits for a reply.
 */
export class MessageInput implements Publication {
  /** Size of the message that waits for its turn. */
  bytes = 0;
  /** Set once the socket exists. */
  socket: Pausable | null = null;
  readonly #room: InputRoom;
  readonly #kind: string;
  readonly #refusals = new LineRate();
  #message: Buffer | null = null;
  #channel: string | null = null;
  /** The item of a message whose idempotency key other nodes are asked for, and that key. */
  #learned: KeyedItem | null = null;
  #paused = false;

  /** @param kind names the input in the log */
  constructor(room: InputRoom, kind: string) {
    this.#room = room;
    this.#kind = kind;
  }

  /**
   * Takes a message. Must not be called while the socket is paused.
   * @param channel where it was published to; null if the item says it
   */
  take(message: Buffer, channel: string | null): void {
    this.#message = message;
    this.#channel = channel;
    this.bytes = Math.max(LEAST_BYTES, message.length);
    this.#room.turns.requestTurn(this);
    if (this.#message === null && this.#learned === null) return;
    this.#paused = true;
    this.socket?.pause();
  }

  /** Counts and logs a message that is no item. */
  refuse(reason: string): void {
    this.#room.counters.publishesRefused++;
    this.#refusals.write(this.#room.log, 'info', { input: this.#kind, reason }, 'publish refused');
  }

  onTurn(): boolean {
    const message = this.#message;
    this.#message = null;
    if (message !== null) this.#read(message, this.#channel);
    else if (this.#learned !== null) this.#publishLearned(this.#learned);
    if (this.#paused && this.#learned === null) {
      this.#paused = false;
      this.socket?.resume();
    }
    return true;
  }

  onFault(thrown: unknown): void {
    reportFault(this.#room, thrown, { input: this.#kind });
    this.#message = null;
    this.#learned = null;
    if (!this.#paused) return;
    this.#paused = false;
    this.socket?.resume();
  }

  #read(message: Buffer, channel: string | null): void {
    let item: PublishItem;
    try {
      item = parsePublishMessage(message, channel);
    } catch (error) {
      if (!(error instanceof PublishError)) throw error;
      this.refuse(error.message);
      return;
    }
    const refusal = this.#room.publisher.refusal([item]);
    if (refusal !== null) {
      this.refuse(refusal.message);
      return;
    }
    const repeatKey = item.extras?.repeatKey ?? null;
    if (repeatKey === null) {
      this.#room.publisher.publish([item]);
      return;
    }
    const learned = { item, keys: new Map([[repeatKey.key, repeatKey.digest]]) };
    if (this.#room.publisher.learnKeys(learned.keys, this)) this.#publishLearned(learned);
    else this.#learned = learned;
  }

  #publishLearned({ item, keys }: KeyedItem): void {
    const { publisher } = this.#room;
    this.#learned = null;
    const items = [item];
    if (publisher.reusedKey(items) !== null) this.refuse(new ReusedKeyError(item.channel).message);
    else publisher.publish(items);
    publisher.settleKeys(keys);
  }
}
