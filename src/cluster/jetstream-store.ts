import type { Subscription } from '@nats-io/transport-node';
import { type AtTurnEnd, fault, type Guarded, guarded, type TimerWheel, TurnQueue } from '../clock/index.ts';
import { matchesPattern } from '../codec/grip/index.ts';
import type { ClusterCounters, Log } from '../exchange/index.ts';
import {
  type ChannelLimits,
  type ChannelSpan,
  HistoryCounters,
  type KeptItem,
  type ReadQuery,
  type ReadResult,
  recordSpace,
  type SharedItem,
  type SharedStore,
} from '../history/index.ts';
import type { Broker, BrokerMessage, BrokerWatcher } from './broker.ts';
import type { ChannelFeed, FeedSink } from './channel-feed.ts';

import { itemOfMessage } from './item-message.ts';
import { ItemStream, type StreamMessage } from './item-stream.ts';
import { ItemTail } from './item-tail.ts';
import { answerOf, type KnownItems, placeOf } from './kept-answer.ts';
import { KeptFeed } from './kept-feed.ts';
import { type KeptRun, readRun, type WantedChannel } from './kept-run.ts';
import { StreamAppends } from './stream-appends.ts';
import { StreamMarks } from './stream-marks.ts';
import type { StreamSettings } from './stream-settings.ts';
import type { Subjects } from './subjects.ts';

/** What the store needs. */
export interface JetStreamStoreOptions {
  readonly broker: Broker;
  readonly subjects: Subjects;
  readonly settings: StreamSettings;
  readonly wheel: TimerWheel;
  readonly log: Log;
  readonly counters?: HistoryCounters;
  readonly clusterCounters: ClusterCounters;
  /** Handles exceptions of calls that come later. */
  readonly owner: Guarded;
}

/** Times that a read is begun again when the broker fails. */
const ATTEMPTS = 5;

/**
 * The items of all nodes of a cluster, in one stream of NATS JetStream, whose sequence is the number of items. What comes by the subscriptions of a node is passed on in the order of the stream;
 * what a client has missed is read from the last items that came, else from the stream.
 *
 * It takes what `ChannelFeed` brings of kept items. Whoever puts a node together makes the store, then the feed with it as a part of its sink, and then sets `feed`.
 */
export class JetStreamStore
  implements SharedStore, Pick<FeedSink, 'onKept' | 'mark'>, AtTurnEnd, BrokerWatcher, Guarded
{
  readonly counters: HistoryCounters;
  onItems: (items: readonly KeptItem[]) => void = () => {};
  onLost: (channel: string, from: number) => void = () => {};
  /** Is called when the broker was away, and it is known again where the stream is: what came meanwhile is in the store, and everything from now on comes by `onItems`. */
  onBack: () => void = () => {};
  readonly #options: JetStreamStoreOptions;
  readonly #stream: ItemStream;
  readonly #marks: StreamMarks;
  readonly #appends: StreamAppends;
  readonly #tail = new ItemTail();
  readonly #kept: KeptFeed;
  readonly #cleared: Subscription;
  readonly #turns = new TurnQueue();
  #turnEnds = false;
  #feed: Pick<ChannelFeed, 'since' | 'cover'> | null = null;
  #limitsOf: (channel: string) => ChannelLimits | null = () => null;
  /** Marks that have come in this turn. */
  #marked: (() => void)[] = [];
  /** The rules that the stream is being told. */
  #ruling: Promise<void> = Promise.resolve();
  #stopped = false;
  /** Times that the broker was away. */
  #times = 0;
  #refreshing = false;

  private constructor(options: JetStreamStoreOptions, stream: ItemStream) {
    const { broker, subjects, counters = new HistoryCounters(), clusterCounters, owner } = options;
    this.#options = options;
    this.#stream = stream;
    this.counters = counters;
    this.#kept = new KeptFeed(this.#tail, clusterCounters);
    this.#marks = new StreamMarks(options, (number) => {
      this.#kept.reach(number);
      this.#endTurn();
    });
    this.#appends = new StreamAppends(
      { ...options, counters },
      () => this.#endTurn(),
      () => this.#check(),
    );
    this.#cleared = broker.subscribe(
      subjects.clearedFed,
      guarded(owner, (message: BrokerMessage) => this.#onCleared(message)),
    );
    broker.watch(this);
  }

  /** Finds the stream of the cluster, or makes it, and learns where it is. @throws BrokerError when the broker has no JetStream, does not allow it, or has another stream of this name */
  static async open(options: JetStreamStoreOptions): Promise<JetStreamStore> {
    const stream = await ItemStream.open(options.broker, options.subjects, options.settings);
    const store = new JetStreamStore(options, stream);
    await store.#nextMark();
    store.#tail.restart(store.head);
    return store;
  }

  /** What the node is subscribed to. */
  set feed(feed: Pick<ChannelFeed, 'since' | 'cover'>) {
    this.#feed = feed;
    this.#kept.places = feed;
  }

  get epoch(): string {
    return this.#stream.epoch;
  }

  get last(): number {
    return Math.max(this.#kept.last, this.#appends.last);
  }

  get head(): number {
    return this.#kept.head;
  }

  get waiting(): number {
    return this.#appends.cost;
  }

  get degraded(): string | null {
    return this.#options.broker.up ? null : 'the broker is away: nothing is kept, and what was missed cannot be read';
  }

  append(items: readonly SharedItem[], stored: (numbers: readonly number[]) => void): void {
    this.#appends.append(items, stored);
  }

  onKept(channel: string, item: Buffer, message: BrokerMessage): void {
    if (this.#kept.take(channel, item, message)) this.#endTurn();
  }

  mark(marked: (number: number) => void): void {
    this.#marks.mark((number) => {
      this.#marked.push(() => marked(number));
      this.#endTurn();
    });
  }

  cover(keys: readonly string[], done: () => void): void {
    if (this.#feed === null) done();
    else this.#feed.cover(keys, done);
  }

  read(query: ReadQuery, done: (result: ReadResult) => void): void {
    const { after, channels } = query;
    const foreign = after !== null && after.epoch !== this.epoch;
    if (channels.length === 0 || (foreign && (query.places ?? []).length === 0)) {
      done(this.#answer(query, NOTHING, foreign));
    } else if (!foreign && this.#hasInTail(query)) {
      done(
        this.#answer(
          query,
          { upTo: this.head, after: (name, number) => this.#tail.after(name, number), floorOf: () => 0 },
          false,
        ),
      );
    } else {
      this.#later(this.#read(query, done));
    }
  }

  matching(
    patterns: readonly string[],
    after: number | null,
    limit: number,
    done: (names: readonly string[] | null) => void,
  ): void {
    const matching = async (): Promise<readonly string[] | null> => {
      const { state } = await this.#stream.info();
      if (after !== null && (state.first_seq > after + 1 || after < this.#stream.floor)) return null;
      const found = new Set<string>();
      for (const pattern of patterns) {
        const subject = this.#options.subjects.keptOf(pattern);
        if (subject === null) return null;
        for (const name of await this.#namesOf(subject)) if (matchesPattern(pattern, name)) found.add(name);
        if (found.size > limit) return null;
      }
      return [...found];
    };
    this.#later(this.#orElse(matching(), null, done));
  }

  lastOf(channel: string, done: (item: KeptItem | null, head: number) => void): void {
    const lastOf = async (): Promise<KeptItem | null> => {
      const subject = this.#options.subjects.kept(channel);
      const found = subject === null ? null : await this.#stream.get({ last_by_subj: subject });
      const item = found && itemOf(channel, found);
      const age = this.#limitsOf(channel)?.age ?? Number.POSITIVE_INFINITY;
      return item !== null && item.time >= Date.now() - age * 1_000 ? item : null;
    };
    this.#later(this.#orElse(lastOf(), null, (item) => done(item, this.head)));
  }

  span(channel: string, done: (span: ChannelSpan) => void): void {
    this.read({ channels: [channel], after: null }, ({ items }) => {
      const nameBytes = Buffer.byteLength(channel);
      const bytes = items.reduce((sum, item) => sum + recordSpace(nameBytes, item.bytes.length), 0);
      const [first, last] = [items[0], items.at(-1)];
      done({
        first: first?.number ?? 0,
        last: last?.number ?? 0,
        items: items.length,
        bytes,
        oldest: first?.time ?? null,
      });
    });
  }

  names(prefix: string, done: (names: readonly string[]) => void): void {
    const names = async (): Promise<readonly string[]> => {
      const all = await this.#namesOf(this.#options.subjects.captured);
      return all.filter((name) => name.startsWith(prefix));
    };
    this.#later(this.#orElse(names(), [], done));
  }

  /** The limits of the stream are those of all channels, and narrower ones count when items are read. */
  trim(): void {}

  clear(channel: string, upTo?: number): void {
    const { broker, subjects } = this.#options;
    const [subject, cleared] = [subjects.kept(channel), subjects.cleared(channel)];
    if (subject === null || cleared === null) return;
    const clear = async (): Promise<void> => {
      const end = upTo ?? this.last;
      this.#tail.clear(channel, end);
      await broker.connection.request(cleared, Buffer.from(String(end)));
      await this.#stream.purge(subject, end + 1);
      this.counters.itemsHeld = Math.max(0, this.counters.itemsHeld - 1);
    };
    this.#later(this.#orElse(clear(), undefined, () => {}));
  }

  setRules(rules: string, limitsOf: (channel: string) => ChannelLimits | null): void {
    this.#limitsOf = limitsOf;
    const release = this.#appends.hold();
    const told = this.#ruling.then(() => this.#stream.setRules(rules));
    this.#ruling = this.#orElse(told, undefined, () => {
      this.#tail.restart(this.head);
      release();
    });
    this.#later(this.#ruling);
  }

  async stop(): Promise<void> {
    await this.#appends.stop();
    this.#stopped = true;
    this.#marks.stop();
    this.#cleared.unsubscribe();
  }

  onUp(): void {
    this.#check();
    this.#appends.again();
    this.#marks.again();
    this.mark(() => this.onBack());
  }

  onDown(): void {
    this.#times++;
    this.#tail.restart(this.head);
  }

  onTurnEnd(): void {
    this.#turnEnds = false;
    const marked = this.#marked;
    this.#marked = [];
    this.#kept.flush(this.onItems, this.onLost);
    for (const call of marked) call();
    this.#appends.settle();
  }

  onFault(thrown: unknown): void {
    this.#options.owner.onFault(thrown);
  }

  #endTurn(): void {
    if (this.#turnEnds) return;
    this.#turnEnds = true;
    this.#turns.add(this);
  }

  /** Resolves when the next mark has come. */
  #nextMark(): Promise<void> {
    return new Promise((resolve) => this.mark(() => resolve()));
  }

  /** The stream may have changed. */
  #check(): void {
    if (this.#refreshing || this.#stopped) return;
    this.#refreshing = true;
    const { epoch } = this;
    this.#stream.seen = Math.max(this.#stream.seen, this.last);
    const refreshed = this.#orElse(this.#stream.refresh(), null, () => {
      this.#refreshing = false;
      if (this.epoch === epoch) return;
      this.#options.log.warn(
        { before: epoch, now: this.epoch },
        'stream of histories is another one: clients are told of gaps',
      );
      this.#kept.restart();
      this.#marks.again();
    });
    this.#later(refreshed);
  }

  #onCleared({ subject, data }: BrokerMessage): void {
    const channel = this.#options.subjects.readCleared(subject);
    if (channel !== null) this.#tail.clear(channel, Number(Buffer.from(data).toString()) || 0);
  }

  #hasInTail(query: ReadQuery): boolean {
    return query.channels.every((channel) => {
      const place = placeOf(query, channel);
      const since = this.#feed?.since(channel) ?? null;
      return (
        place !== null && since !== null && place <= this.head && place >= since && place >= this.#tail.floorOf(channel)
      );
    });
  }

  async #read(query: ReadQuery, done: (result: ReadResult) => void): Promise<void> {
    const { after, channels } = query;
    await this.#ruling;
    const wanted = channels.map((channel): WantedChannel => [channel, placeOf(query, channel)]);
    const highest = Math.max(0, ...wanted.map(([, place]) => place ?? 0));
    // It is the number of another node.
    if (highest > this.head) await this.#nextMark();
    for (let attempt = 0; attempt < ATTEMPTS && !this.#stopped; attempt++) {
      const { head } = this;
      const times = this.#times;
      const foreign = after !== null && (after.epoch !== this.epoch || after.number > head);
      try {
        const run = await readRun({ ...this.#options, stream: this.#stream }, wanted, head);
        if (times === this.#times && this.#reaches(run, head, channels)) {
          done(this.#answer(query, this.#withTail(run, head), foreign));
          return;
        }
      } catch (error) {
        this.#options.log.warn({ error: String(error) }, 'reading of histories failed');
      }
      if (times !== this.#times) {
        attempt = 0;
        await this.#nextMark();
      }
    }
    done({ recovered: false, gaps: channels, items: [], head: this.head, more: false });
  }

  /** Whether the tail has what has come since a run was read. */
  #reaches(run: KeptRun, head: number, channels: readonly string[]): boolean {
    if (run.upTo < head || this.head === head) return true;
    return channels.every((channel) => {
      const since = this.#feed?.since(channel) ?? null;
      return since === null || (since <= head && this.#tail.from <= head);
    });
  }

  #withTail(run: KeptRun, head: number): KnownItems {
    if (run.upTo < head || this.head === head) return run;
    return {
      upTo: this.head,
      after: (channel, number) => [...run.after(channel, number), ...this.#tail.after(channel, Math.max(head, number))],
      floorOf: (channel) => run.floorOf(channel),
    };
  }

  #answer(query: ReadQuery, known: KnownItems, foreign: boolean): ReadResult {
    return answerOf(query, known, { head: this.head, foreign, limitsOf: this.#limitsOf, now: Date.now() });
  }

  async #namesOf(subject: string): Promise<readonly string[]> {
    const counts = await this.#stream.countsOf(subject);
    return Object.keys(counts)
      .map((name) => this.#options.subjects.channelOf(name))
      .filter((name) => name !== null);
  }

  /** Calls with what comes, or with something else when the broker fails. */
  async #orElse<T, E>(coming: Promise<T>, otherwise: E, done: (value: T | E) => void): Promise<void> {
    let value: T | E = otherwise;
    try {
      value = await coming;
    } catch (error) {
      this.#options.log.warn({ error: String(error) }, 'broker has failed');
    }
    done(value);
  }

  #later(work: Promise<void>): void {
    work.catch((thrown: unknown) => fault(this, thrown));
  }
}

const NOTHING: KnownItems = { upTo: Number.POSITIVE_INFINITY, after: () => [], floorOf: () => 0 };

function itemOf(channel: string, { seq, time, data }: StreamMessage): KeptItem | null {
  const bytes = itemOfMessage(data);
  return bytes && { number: seq, time, channel, bytes };
}
