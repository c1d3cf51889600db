import type { TimerWheel } from '../clock/index.ts';
import { type Counters, LEAST_COST, type Log, reportFault } from '../exchange/index.ts';
import { ClientCounts, type HubChannels, type ItemRouter, MAX_UNDELIVERED, type RoutedHub } from '../hub/index.ts';
import type { ZmqContext } from '../zmq/index.ts';
import { takeCounts } from './counts-feed.ts';
import { answerHistory } from './linked-history.ts';
import { type Answer, barePacket, jsonOf, KIND, namesOf, numberPacket, valuePacket } from './relay-packet.ts';
import { openPort, type RelayEnd, type RelayPort } from './relay-port.ts';

/**
 * Bytes of items on their way to one worker process, each charged at least 256. Once it has stopped taking items, publishers no longer wait
 * for it, and what comes beyond is dropped for it.
 * @bound worker-items
 */
export const MAX_UNDERWAY = 67_108_864;

/** Milliseconds without taking anything after which publishers no longer wait for a worker. */
export const STALLED_AFTER = 1_000;

/** Dropped items for each line in the log. */
const LOG_EACH = 1_000;

/** What the hubs of all workers share. */
export interface WorkerHubRoom {
  readonly context: ZmqContext;
  readonly wheel: TimerWheel;
  readonly counters: Counters;
  readonly log: Log;
  readonly router: ItemRouter;
  /** Whether stats packets have a subscriber. */
  readonly statsWatched: boolean;
  /** Whether workers get the items of all channels. */
  readonly takesAll: boolean;
  /** A worker gives a stats packet to publish. */
  onStats(packet: Buffer): void;
  /** A worker's publishers have sent items. */
  onPublished(hub: WorkerHub, packet: Buffer): void;
  /** Items may have been lost. */
  recover(): void;
  /** Nothing is published by a worker from now on. */
  onHeld(): void;
  /** A worker has answered a question. */
  onAnswer(hub: WorkerHub, answer: Answer): void;
}

/** The hub of one worker process, as the main process sees it. */
export class WorkerHub implements RoutedHub {
  readonly channels: HubChannels;
  /** The connections of its clients, by channel and user. */
  readonly counts = new ClientCounts();
  readonly #room: WorkerHubRoom;
  readonly #name: string;
  readonly #takesAll: boolean;
  #closed = false;
  readonly #port: RelayPort;
  /** The items of this turn. */
  #batch: Buffer[] = [];
  #batchCost = 0;
  #sent = 0;
  /** Wheel time at which it last took something, or had nothing to take. */
  #progress = 0;
  #stalled = false;
  /** It has not got all items, and has not been told so. */
  #missed = false;
  /** Whether it has told of all its channels. */
  told = false;
  onTold: () => void = () => {};
  /** It has let the time for an answer pass, and has said nothing since. */
  silent = false;
  /** What its clients ask of the items that are kept, one question each at most, while too much waits for it. */
  #unanswered: Buffer[] = [];
  /** An answer could not be sent. */
  #full = false;

  /** @param takesAll whether it gets the items of all channels, from when it has told of its own on */
  constructor(room: WorkerHubRoom, name: string, end: RelayEnd, takesAll: boolean) {
    this.#room = room;
    this.#name = name;
    this.#takesAll = takesAll;
    this.channels = room.router.add(this);
    room.router.counts.include(this.counts);
    const onPacket = (packet: Buffer): void => this.#onPacket(packet);
    this.#port = openPort(room.context, end, false, this, onPacket, () => this.#onWritable());
  }

  get underway(): number {
    return this.#stalled ? 0 : this.#sent;
  }

  take(item: Buffer): void {
    this.#batch.push(item);
    this.#batchCost += Math.max(LEAST_COST, item.length);
  }

  lost(channel: string, from: number): void {
    if (!this.send(valuePacket(KIND.lost, [channel, from]))) this.#missed = true;
  }

  endTurn(): void {
    const batch = this.#batch;
    const cost = this.#batchCost;
    this.#batch = [];
    this.#batchCost = 0;
    // A batch that is larger than the bound passes when nothing is on its way.
    const fits = this.#sent === 0 || this.#sent + cost <= MAX_UNDERWAY;
    if (!fits || !this.#port.send([[numberPacket(KIND.items, cost), ...batch]])) {
      this.#drop(batch.length);
      return;
    }
    if (this.#sent === 0) this.#progress = this.#room.wheel.now;
    this.#sent += cost;
  }

  /** Sends a packet. Returns false if too much waits for the worker. */
  send(packet: Buffer): boolean {
    return !this.#closed && this.#port.send([packet]);
  }

  /** Says whether stats packets have a subscriber. */
  tellWatched(watched: boolean): void {
    this.send(numberPacket(KIND.watched, watched ? 1 : 0));
  }

  /** Called every 100 ms. */
  onTick(): void {
    if (this.#stalled || this.#sent < MAX_UNDELIVERED) return;
    if (this.#room.wheel.now - this.#progress < STALLED_AFTER) return;
    this.#stalled = true;
    this.#room.log.warn(
      { worker: this.#name, bytes: this.#sent },
      'worker takes no items: publishers no longer wait for it',
    );
    this.#room.router.pump();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#room.router.remove(this.channels);
    this.#room.router.counts.drop(this.counts);
    await this.#port.close();
  }

  onFault(thrown: unknown): void {
    reportFault(this.#room, thrown, { worker: this.#name });
  }

  #drop(items: number): void {
    const { counters, log } = this.#room;
    const before = Math.floor(counters.itemsUndelivered / LOG_EACH);
    counters.itemsUndelivered += items;
    if (!this.#missed || Math.floor(counters.itemsUndelivered / LOG_EACH) > before) {
      log.warn({ worker: this.#name, items: counters.itemsUndelivered }, 'worker takes too few items, items dropped');
    }
    this.#missed = true;
  }

  /** A client that is not answered would wait for ever: where there is no room for its answer, its question is put again. */
  #answerHistory(question: Buffer): void {
    if (this.#full) {
      this.#unanswered.push(question);
      return;
    }
    answerHistory(this.#room.router.history.source, question, (answer) => {
      if (this.#closed || this.send(answer)) return;
      this.#full = true;
      this.#unanswered.push(question);
    });
  }

  #onWritable(): void {
    this.#full = false;
    for (const question of this.#unanswered.splice(0)) this.#answerHistory(question);
  }

  #onPacket(packet: Buffer): void {
    this.silent = false;
    switch (packet[0]) {
      case KIND.hello:
        this.channels.clear();
        this.counts.clear();
        // Until it has told of its channels. One that leaves is told of nothing more.
        this.channels.takesAll = false;
        if (this.#room.statsWatched) this.tellWatched(true);
        break;
      case KIND.channels:
        this.#onChannels(namesOf(packet));
        break;
      case KIND.counts:
        takeCounts(this.counts, packet);
        break;
      case KIND.toldAgain:
        this.#missed = true;
        this.#tellMissed();
        break;
      case KIND.taken:
        this.#onTaken(packet.readUInt32BE(1));
        break;
      case KIND.told:
        this.told = true;
        this.channels.takesAll = this.#takesAll || this.#room.takesAll;
        this.onTold();
        break;
      case KIND.publish:
        this.#room.onPublished(this, packet);
        break;
      case KIND.recover:
        this.#room.recover();
        break;
      case KIND.held:
        this.#room.onHeld();
        break;
      case KIND.stats:
        this.#room.onStats(packet.subarray(1));
        break;
      case KIND.ask:
        this.#answerHistory(packet);
        break;
      case KIND.answer:
        this.#room.onAnswer(this, jsonOf(packet) as Answer);
        break;
      default:
        throw new TypeError(`a packet of an unknown kind: ${packet[0]}`);
    }
  }

  #onChannels(names: readonly string[]): void {
    const lastIds: string[] = [];
    for (const each of names) {
      const name = each.slice(1);
      if (each.startsWith('-')) {
        this.channels.remove(name);
        continue;
      }
      const lastId = this.channels.add(name);
      if (lastId !== null) lastIds.push(name, lastId);
    }
    if (lastIds.length > 0) this.send(valuePacket(KIND.lastIds, lastIds));
  }

  #onTaken(bytes: number): void {
    this.#sent = Math.max(0, this.#sent - bytes);
    this.#progress = this.#room.wheel.now;
    this.#stalled = false;
    this.#tellMissed();
    this.#room.router.pump();
  }

  /** Has the worker's clients catch up, once, if it has not got all items and takes them again. */
  #tellMissed(): void {
    if (this.#missed && this.#sent < MAX_UNDELIVERED && this.send(barePacket(KIND.missed))) this.#missed = false;
  }
}
