import { Ticker, type TimerWheel } from '../clock/index.ts';
import { encodeItem, type PublishItem } from '../codec/grip/index.ts';
import { type Counters, type Current, type Log, reportFault } from '../exchange/index.ts';
import {
  type ChannelInfo,
  type ChannelPage,
  type ChannelQuery,
  type ChannelWatcher,
  type HubLimits,
  ItemRouter,
  type KeyTable,
  keyOfInfo,
  type PresenceTable,
  type Publication,
  type ReceivedFormats,
} from '../hub/index.ts';
import type { ZmqContext, ZmqCounters } from '../zmq/index.ts';
import { ItemBatch } from './item-batch.ts';
import {
  type Answer,
  type Asked,
  type AskedItem,
  barePacket,
  KIND,
  numberPacket,
  valuePacket,
} from './relay-packet.ts';
import type { RelayEnd } from './relay-port.ts';
import type { RouterPart } from './router-part.ts';
import { type StorePart, storePacket } from './store-packet.ts';
import { WorkerHub, type WorkerHubRoom } from './worker-hub.ts';
import { ANSWER_TIME, WorkerQuestion } from './worker-question.ts';

/** Milliseconds between two looks at workers that take nothing. */
const TICK = 100;

/** Stands for a format that an item has. */
const PRESENT = {};

/** Takes stats packets. */
export interface StatsSink {
  /** Whether nobody subscribes. */
  readonly idle: boolean;
  send(packet: Buffer): void;
}

/** What a relay is made of. */
export interface HubRelayOptions {
  readonly wheel: TimerWheel;
  /** Counts items. */
  readonly counters: Counters;
  readonly zmqCounters: ZmqCounters;
  readonly log: Log;
  readonly limits: Current<HubLimits>;
  /** Who is there, while this relay orders the items. Absent: nobody counts that. */
  readonly presence?: PresenceTable;
}

/**
 * Takes the place of a hub where worker processes have the clients: an item goes once to each worker that has its channel, and a question to
 * all workers.
 */
export class HubRelay implements WorkerHubRoom {
  readonly context: ZmqContext;
  readonly wheel: TimerWheel;
  readonly counters: Counters;
  readonly log: Log;
  readonly router: ItemRouter;
  /** Where the stats packets of workers go; null for nowhere. */
  stats: StatsSink | null = null;
  statsWatched = false;
  /** Whether workers get the items of all channels, from when they say that they have told of their own: clients of any may come to them. */
  takesAll = false;
  readonly #workers = new Map<string, WorkerHub>();
  readonly #ticker: Ticker;
  readonly #questions = new Map<number, WorkerQuestion>();
  #asked = 0;
  #whenHeld: () => void = () => {};
  readonly #report = (thrown: unknown): void => this.onFault(thrown);

  constructor({ wheel, counters, zmqCounters, log, limits, presence }: HubRelayOptions) {
    this.context = { wheel, counters: zmqCounters, log };
    this.wheel = wheel;
    this.counters = counters;
    this.log = log;
    this.router = new ItemRouter({ wheel, counters, log, limits, encode: encodeItem, ...(presence && { presence }) });
    this.#ticker = new Ticker(TICK, this, () => {
      for (const worker of this.#workers.values()) worker.onTick();
      this.#lookAtStats();
    });
  }

  /** Publishers that wait for their turn. */
  get publishers(): number {
    return this.router.waiting;
  }

  /** Channels with a client, or remembered by a worker. */
  get channels(): number {
    return this.router.channels;
  }

  /** A worker begins: `end` is connected to its `HubLink`. @param takesAll whether it gets the items of all channels */
  add(name: string, end: RelayEnd, takesAll = false): void {
    this.#workers.set(name, new WorkerHub(this, name, end, takesAll));
  }

  /** Settles when a worker has told of all its channels. */
  told(name: string): Promise<void> {
    const worker = this.#workers.get(name);
    if (worker === undefined || worker.told) return Promise.resolve();
    return new Promise((resolve) => {
      worker.onTold = resolve;
    });
  }

  /** Marks a place in the order of the items, for all workers or for one. */
  mark(mark: number, name: string | null = null): void {
    for (const [each, worker] of this.#workers) {
      if (name === null || name === each) worker.send(numberPacket(KIND.mark, mark));
    }
  }

  /** The last id of a channel, which another process knows. Workers that have the channel hear of it where it is not known here. */
  learnLastId(name: string, id: string): void {
    if (!this.router.learnLastId(name, id)) return;
    const hubs = this.router.hubsOf(name);
    for (const worker of this.#workers.values()) {
      if (hubs.includes(worker.channels)) worker.send(valuePacket(KIND.lastIds, [name, id]));
    }
  }

  /** Calls `held` when all that a worker had published before it said that it publishes nothing more has been accepted. */
  onceHeld(held: () => void): void {
    this.#whenHeld = held;
  }

  /** Gives a worker a part of the items that are kept. Returns false, with nothing done, if too much waits for it. */
  sendStore(name: string, part: StorePart): boolean {
    const worker = this.#workers.get(name);
    return worker === undefined || worker.send(storePacket(part));
  }

  /** Gives a worker a part of what it takes to order the items. */
  sendPart(name: string, part: RouterPart): void {
    this.#workers.get(name)?.send(valuePacket(KIND.part, part));
  }

  /** A worker has ended. */
  remove(name: string): void {
    const worker = this.#workers.get(name);
    if (worker === undefined) return;
    this.#workers.delete(name);
    void worker.close();
    for (const [number, question] of this.#questions) {
      question.forget(worker);
      this.#check(number, question);
    }
  }

  /** Gives the workers all that was accepted, once no publisher waits, and has them release their clients. */
  drain(): void {
    this.router.onIdle = () => this.#drain();
    if (this.router.idle) this.#drain();
  }

  #drain(): void {
    this.router.onIdle = () => undefined;
    this.router.flush();
    this.#tellAll(KIND.drain);
  }

  async close(): Promise<void> {
    this.#ticker.stop();
    await Promise.all([...this.#workers.values()].map((worker) => worker.close()));
  }

  // ---- as a hub

  requestTurn(publication: Publication): void {
    this.router.requestTurn(publication);
  }

  cancelTurn(publication: Publication): void {
    this.router.cancelTurn(publication);
  }

  publish(items: readonly PublishItem[]): void {
    this.router.publish(items);
  }

  tellCursors(items: readonly PublishItem[], done: (cursors: readonly (string | null)[]) => void): void {
    this.router.tellCursors(items, done);
  }

  ordered(done: (known: boolean) => void): void {
    this.router.ordered(done);
  }

  get keys(): KeyTable {
    return this.router.keys;
  }

  reusedKey(items: readonly PublishItem[]): PublishItem | null {
    return this.router.reusedKey(items);
  }

  watchChannels(watcher: ChannelWatcher): void {
    this.router.watchChannels(watcher);
  }

  recover(): void {
    this.#tellAll(KIND.recover);
  }

  /** Items may have been lost on their way to this process. */
  catchUp(): void {
    this.#tellAll(KIND.missed);
  }

  countReceivers(items: readonly ReceivedFormats[], done: (counts: readonly number[]) => void): void {
    const { router } = this;
    const known = items.map((item) => router.receivers.of(item));
    this.#ask({ about: 'receivers', items: items.map(outlineOf) }, this.#concerned(items), (answers) => {
      const total = (i: number): number => answers.reduce<number>((sum, counts) => sum + numberAt(counts, i), 0);
      done(items.map((item, i) => known[i] ?? router.receivers.note(item, total(i))));
    });
  }

  findHeld(ids: ReadonlySet<string>, done: (found: readonly string[]) => void): void {
    this.#ask({ about: 'held', ids: [...ids] }, this.#workers.values(), (answers) => {
      done(answers.flatMap((found) => (Array.isArray(found) ? found.filter((id) => ids.has(id)) : [])));
    });
  }

  refresh(id: string, done: (found: boolean) => void): void {
    this.#ask({ about: 'refresh', id }, this.#workers.values(), (answers) => done(answers.includes(true)));
  }

  // ---- for those who look at it

  /** As `Hub.channelPage`, of all workers. Channels that a worker only remembers count in the total. */
  async channelPage(query: ChannelQuery): Promise<ChannelPage> {
    const page = await this.router.channelPage(query);
    const infos = await this.channelInfos(page.channels.map(keyOfInfo));
    const known = new Map(infos.map((info) => [keyOfInfo(info), info]));
    const others = new Set(query.others);
    const channels = page.channels.flatMap((info) => {
      const without = others.has(keyOfInfo(info)) ? { ...info, subscribers: 0 } : [];
      return known.get(keyOfInfo(info)) ?? without;
    });
    return { ...page, channels };
  }

  /** Those of the channels and patterns that have subscribers, in their order. @param keys names of channels, or keys of patterns */
  channelInfos(keys: readonly string[]): Promise<readonly ChannelInfo[]> {
    return new Promise((resolve) => {
      this.#ask({ about: 'channels', names: keys }, this.#workers.values(), (answers) => {
        const sums = new Map<string, ChannelInfo>();
        for (const info of answers.flat() as readonly ChannelInfo[]) {
          const key = keyOfInfo(info);
          const subscribers = (sums.get(key)?.subscribers ?? 0) + info.subscribers;
          sums.set(key, { ...info, subscribers, lastId: this.router.lastIdOf(key) });
        }
        resolve(keys.flatMap((key) => sums.get(key) ?? []).filter(({ subscribers }) => subscribers > 0));
      });
    });
  }

  /** As `Hub.tap`. The workers are asked how many clients an item goes to. */
  tap(key: string, onItem: (item: PublishItem, receivers: Promise<number>) => void): () => void {
    return this.router.tap(key, (item) => onItem(item, this.#receiversOf(item)));
  }

  #receiversOf(item: PublishItem): Promise<number> {
    return new Promise((resolve) => {
      this.#ask({ about: 'receivers', items: [outlineOf(item)] }, this.#concerned([item]), (answers) =>
        resolve(answers.reduce<number>((sum, counts) => sum + numberAt(counts, 0), 0)),
      );
    });
  }

  // ---- inside

  /** The workers that have the channel of an item, or a pattern that matches it. */
  #concerned(items: readonly ReceivedFormats[]): readonly WorkerHub[] {
    const hubs = new Set(items.flatMap(({ channel }) => this.router.hubsOf(channel)));
    return [...this.#workers.values()].filter(({ channels }) => hubs.has(channels));
  }

  /** Tells the workers when stats packets get their first subscriber, and when they have lost the last one. */
  #lookAtStats(): void {
    const watched = this.stats?.idle === false;
    if (watched === this.statsWatched) return;
    this.statsWatched = watched;
    for (const worker of this.#workers.values()) worker.tellWatched(watched);
  }

  onPublished(worker: WorkerHub, packet: Buffer): void {
    const accepted = (bytes: number): void => {
      worker.send(numberPacket(KIND.accepted, bytes));
    };
    this.requestTurn(
      new ItemBatch(packet, (items) => this.publish(items), { onTaken: accepted, onFault: this.#report }),
    );
  }

  onHeld(): void {
    this.requestTurn({
      bytes: 0,
      onTurn: () => {
        this.#whenHeld();
        return true;
      },
      onFault: this.#report,
    });
  }

  onStats(packet: Buffer): void {
    this.stats?.send(packet);
  }

  #tellAll(kind: number): void {
    for (const worker of this.#workers.values()) worker.send(barePacket(kind));
  }

  #ask(asked: Asked, workers: Iterable<WorkerHub>, done: (answers: readonly unknown[]) => void): void {
    const number = ++this.#asked;
    const packet = valuePacket(KIND.question, { ...asked, number });
    const reached = [...workers].filter((worker) => !worker.silent && worker.send(packet));
    const question = new WorkerQuestion(
      reached,
      (values) => {
        this.#questions.delete(number);
        done(values);
      },
      (thrown) => this.onFault(thrown),
    );
    this.#questions.set(number, question);
    this.wheel.schedule(question, ANSWER_TIME);
    this.#check(number, question);
  }

  #check(number: number, question: WorkerQuestion): void {
    if (!question.complete || !this.#questions.has(number)) return;
    this.wheel.cancel(question);
    question.finish();
  }

  onAnswer(worker: WorkerHub, { number, value }: Answer): void {
    const question = this.#questions.get(number);
    // Its time may be over.
    if (question === undefined) return;
    question.answer(worker, value);
    this.#check(number, question);
  }

  onFault(thrown: unknown): void {
    reportFault(this, thrown);
  }
}

/** What workers need to know of an item to count who gets it. */
function outlineOf({ channel, httpResponse, httpStream, wsMessage }: ReceivedFormats): AskedItem {
  return {
    channel,
    id: null,
    httpResponse: httpResponse && PRESENT,
    httpStream: httpStream && PRESENT,
    wsMessage: wsMessage && PRESENT,
  };
}

function numberAt(values: unknown, index: number): number {
  const value: unknown = Array.isArray(values) ? values[index] : 0;
  return typeof value === 'number' ? value : 0;
}
