import {
  type AtTurnEnd,
  attempt,
  fault,
  type Guarded,
  guarded,
  Ticker,
  type TimerWheel,
  TurnQueue,
} from '../../clock/index.ts';
import { type ClusterCounters, LineRate, type Log } from '../../exchange/index.ts';
import {
  type ChannelLimits,
  type ChannelSpan,
  type Cursor,
  HistoryCounters,
  type KeptItem,
  type ReadQuery,
  type ReadResult,
  type SharedItem,
  type SharedStore,
} from '../../history/index.ts';
import { type Broker, type BrokerMessage, type BrokerWatcher, PATIENCE_MS } from '../broker.ts';
import { BrokerError } from '../broker-error.ts';
import type { FeedSink } from '../channel-feed.ts';
import { inTime } from '../in-time.ts';
import type { SpokenProtocol } from '../spoken-protocol.ts';
import type { StreamSettings } from '../stream-settings.ts';
import type { Subjects } from '../subjects.ts';
import { BrokerAnswers } from './broker-answers.ts';
import { ChannelClearing } from './channel-clearing.ts';
import { ItemStream } from './item-stream.ts';
import { ItemTail } from './item-tail.ts';
import { KeptFeed } from './kept-feed.ts';
import type { StoreFeed } from './kept-reads.ts';
import { LateCover } from './late-cover.ts';
import { PositionAnnouncer } from './position-announcer.ts';
import { PositionCheck } from './position-check.ts';
import { StoreQueries } from './store-queries.ts';
import { STALL, StreamAppends } from './stream-appends.ts';
import { StreamMarks } from './stream-marks.ts';
import { StreamRules } from './stream-rules.ts';
import { WaitingReads } from './waiting-reads.ts';

/** What the store needs. */
export interface JetStreamStoreOptions {
  readonly broker: Broker;
  readonly subjects: Subjects;
  readonly protocol: Pick<SpokenProtocol, 'version'>;
  readonly settings: StreamSettings;
  readonly wheel: TimerWheel;
  readonly log: Log;
  readonly counters?: HistoryCounters;
  readonly clusterCounters: ClusterCounters;
  /** Handles what calls throw that come later. */
  readonly owner: Guarded;
}

/** Milliseconds between two checks of the stream. */
const LOOK = 10_000;

/** Times that the stream is asked what had got lost before the broker was away. */
const LOOKS_BACK = 5;

/** Why a node cannot start where its first mark does not come back. */
const KEEPS_NOTHING = 'it keeps nothing: most of its servers may be away, or this node may not publish there';

/** Milliseconds between two checks of the last items of channels. */
const POSITIONS = 1_000;

const NO_FEED: StoreFeed = {
  since: () => null,
  sinceBefore: () => null,
  sinceOf: () => null,
  cover: (_, done) => done(),
  covers: () => true,
  restart: () => {},
  *channels() {},
  *patterns() {},
};

/**
 * The items of all nodes of a cluster, in one stream of NATS JetStream, whose sequence is the number of items. What comes by the subscriptions of a node is passed on in the order of the stream;
 * what a client has missed is read from the last items that came, else from the stream.
 *
 * It takes what `ChannelFeed` brings of kept items. To put a node together, make the store, then the feed with the store as a part of its sink, and then set `feed`.
 */
export class JetStreamStore
  implements SharedStore, Pick<FeedSink, 'onKept' | 'mark'>, AtTurnEnd, BrokerWatcher, Guarded
{
  readonly counters: HistoryCounters;
  onItems: (items: readonly KeptItem[]) => void = () => {};
  onLost: (channel: string, from: number) => void = () => {};
  /**
   * Is called when the broker was away, or has another stream, and it is known again where the stream is. Items up to `from` were passed on; those between that and the head are in the store
   * only, and what comes later is passed on again. When the epoch is another one, `from` means nothing.
   */
  onBack: (from: number) => void = () => {};
  /** Is called when the broker is there, and keeps nothing. It is away for all that is kept, until `onBack`. */
  onStalled: () => void = () => {};
  readonly #options: JetStreamStoreOptions;
  readonly #answers: BrokerAnswers;
  readonly #stream: ItemStream;
  readonly #marks: StreamMarks;
  readonly #appends: StreamAppends;
  readonly #rules: StreamRules;
  readonly #tail = new ItemTail();
  readonly #kept: KeptFeed;
  readonly #queries: StoreQueries;
  readonly #cover: LateCover;
  readonly #clearing: ChannelClearing;
  readonly #turns = new TurnQueue();
  readonly #lines = new LineRate();
  readonly #positions: PositionCheck;
  readonly #announcer: PositionAnnouncer;
  readonly #tickers: readonly Ticker[];
  #turnEnds = false;
  #feed: StoreFeed = NO_FEED;
  /** Calls for marks that have come in this turn, or while it was not known where the stream is. */
  #marked: (() => void)[] = [];
  /** How often it was not known where the stream is. */
  #times = 0;
  #paused = false;
  #checking = false;
  #stopped = false;

  private constructor(options: JetStreamStoreOptions, stream: ItemStream) {
    const { broker, subjects, counters = new HistoryCounters(), clusterCounters } = options;
    this.#options = options;
    this.#answers = new BrokerAnswers(options.log);
    this.#stream = stream;
    this.counters = counters;
    this.#kept = new KeptFeed(this.#tail, clusterCounters, options.log);
    this.#marks = new StreamMarks(options, (number) => {
      this.#kept.reach(number);
      this.#endTurn();
    });
    this.#appends = new StreamAppends(
      { ...options, counters, window: () => stream.window },
      {
        onAcked: () => this.#endTurn(),
        onRefused: () => this.#check(),
        onKept: (subject, number) => this.#announcer.note(subject, number),
        onStalled: () => this.#onStalled(),
      },
    );
    this.#rules = new StreamRules({
      ...{ stream, appends: this.#appends, answers: this.#answers },
      forget: () => this.#forget(),
    });
    const store = this;
    const state = {
      get epoch(): string {
        return store.epoch;
      },
      get head(): number {
        return store.head;
      },
      get times(): number {
        return store.#times;
      },
      get isAway(): boolean {
        return store.#paused;
      },
      get feed(): StoreFeed {
        return store.#feed;
      },
      marked: (): Promise<number> => this.#nextMark(),
      ruled: (): Promise<void> => this.#rules.told,
      limitsOf: (channel: string): ChannelLimits | null => this.#rules.limitsOf(channel),
    };
    const source = { broker, subjects, stream, tail: this.#tail, state, log: options.log };
    const waiting = new WaitingReads(clusterCounters, options.log);
    const means = { answers: this.#answers, waiting, fence: this.#marks.subject, owner: options.owner };
    this.#queries = new StoreQueries(source, means);
    const hasCome = (keys: readonly string[], number: number): boolean => this.#kept.hasCome(keys, number);
    this.#cover = new LateCover({ state, hasCome, waiting, wheel: options.wheel });
    this.#clearing = new ChannelClearing({ ...options, stream }, (channel, upTo) => {
      this.#tail.clear(channel, upTo);
      this.#queries.forgetChannel(channel);
    });
    this.#positions = new PositionCheck(source, this.#kept, () => this.#endTurn());
    this.#announcer = new PositionAnnouncer(options, this.#positions);
    this.#tickers = [
      new Ticker(LOOK, this, () => this.#check()),
      new Ticker(POSITIONS, this, () => this.#later(this.checkPositions())),
    ];
    broker.watch(this);
  }

  /**
   * Finds the stream of the cluster, or makes it, and learns where it is.
   * @param patience milliseconds that the broker has to keep something
   * @throws BrokerError when the broker has no JetStream, does not allow it, keeps nothing, or has another stream of this name
   */
  static async open(options: JetStreamStoreOptions, patience = PATIENCE_MS): Promise<JetStreamStore> {
    const { broker, log } = options;
    const stream = await ItemStream.open(broker, options.subjects, options.settings);
    const store = new JetStreamStore(options, stream);
    const mark = store.#nextMark();
    let number = await inTime(mark, STALL, broker.abandon);
    if (number === null) {
      log.warn({ reason: KEEPS_NOTHING }, 'broker keeps nothing yet: trying again');
      number = await inTime(mark, patience - STALL, broker.abandon);
    }
    if (number === null) {
      await store.stop();
      throw new BrokerError(KEEPS_NOTHING, [broker.server]);
    }
    store.#kept.resume(number);
    store.#queries.begin(number);
    store.#positions.restart();
    store.#count();
    return store;
  }

  /** What the node is subscribed to. */
  set feed(feed: StoreFeed) {
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
    const { refusedBy } = this.#appends;
    const { up, degraded } = this.#options.broker;
    if (up && refusedBy !== null) return `the broker keeps nothing: ${refusedBy}`;
    if (!this.isAway) return degraded;
    const state = up ? `keeps nothing now, as ${this.#stream.stallReason}` : 'is away';
    return `the broker ${state}: nothing is kept, and what was missed cannot be read`;
  }

  /** Whether nothing can be kept or read now. */
  get isAway(): boolean {
    return this.#paused || !this.#options.broker.up;
  }

  append(items: readonly SharedItem[], stored: (numbers: readonly number[]) => void): void {
    this.#appends.append(items, stored);
  }

  onKept(channel: string, item: Buffer, message: BrokerMessage): void {
    if (this.#kept.take(channel, item, message)) this.#endTurn();
  }

  reject({ channel, number, bytes }: KeptItem): void {
    const { clusterCounters, log } = this.#options;
    clusterCounters.messagesInvalid++;
    this.#lines.write(log, 'warn', { channel, number, bytes: bytes.length }, 'item in the stream is not of a node');
  }

  watch(channel: string, onItem: () => void): () => void {
    const { broker, subjects, owner } = this.#options;
    const subject = subjects.feed(channel);
    if (subject === null) return () => {};
    const subscription = broker.subscribe(subject, guarded(owner, onItem));
    return () => subscription.unsubscribe();
  }

  /** Resolves when the stream has the rules, with a number above all that it had before: clients may begin there. */
  ready(): Promise<number> {
    return this.#rules.told.then(() => this.#nextMark());
  }

  mark(marked: (number: number) => void): void {
    this.#marks.mark((number) => {
      this.#marked.push(() => marked(number));
      this.#endTurn();
    });
  }

  cover(keys: readonly string[], done: (from: Cursor | null) => void): void {
    this.#cover.cover(this.#feed, keys, done);
  }

  read(query: ReadQuery, done: (result: ReadResult) => void): void {
    this.#queries.read(query, done);
  }

  matching(
    patterns: readonly string[],
    after: number | null,
    limit: number,
    done: (names: readonly string[] | null) => void,
  ): void {
    this.#queries.matching(patterns, after, limit, done);
  }

  lastOf(channel: string, done: (item: KeptItem | null | undefined, head: number) => void): void {
    this.#queries.lastOf(channel, done);
  }

  span(name: string, done: (span: ChannelSpan) => void): void {
    this.#queries.span(name, done);
  }

  names(prefix: string, done: (names: readonly string[]) => void): void {
    this.#queries.names(prefix, done);
  }

  /** The stream has the limits of all channels together. Narrower ones count when items are read. */
  trim(): void {}

  clear(channel: string, upTo = this.last): void {
    const cleared = this.#clearing.clear(channel, upTo).then(() => this.#check());
    this.#later(this.#answers.orElse(cleared, undefined));
  }

  setRules(rules: string, limitsOf: (channel: string) => ChannelLimits | null): void {
    this.#later(this.#rules.set(rules, limitsOf));
  }

  /** Checks that the last items of channels have come, where there is a reason to. The store does so each second. */
  async checkPositions(): Promise<void> {
    if (this.#paused || this.#stopped) return;
    await this.#answers.orElse(this.#positions.look(), undefined);
    await this.#positions.settle();
  }

  /** Something may have got lost on its way here. */
  doubt(): void {
    this.#positions.onDoubt();
  }

  async stop(): Promise<void> {
    await this.#appends.stop();
    this.#stopped = true;
    this.#answers.stop();
    for (const ticker of this.#tickers) ticker.stop();
    this.#announcer.stop();
    this.#marks.stop();
    this.#clearing.stop();
  }

  onDown(): void {
    // What came before is passed on.
    if (!this.#paused) this.onTurnEnd();
    this.#pause();
  }

  onUp(): void {
    this.#later(this.#comeBack(this.#times));
  }

  onTurnEnd(): void {
    this.#turnEnds = false;
    if (!this.#paused) {
      const marked = this.#marked;
      this.#marked = [];
      attempt(this, () => this.#kept.flush(this.onItems, this.onLost));
      for (const call of marked) attempt(this, call);
    }
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

  /** Resolves with the number of the next mark, when everything before it has been passed on. */
  #nextMark(): Promise<number> {
    return new Promise((resolve) => this.mark(resolve));
  }

  /** Resolves with the number of the next mark, also while nothing is passed on. */
  #markNow(): Promise<number> {
    return new Promise((resolve) => {
      this.#marks.mark(resolve);
      this.#marks.again();
    });
  }

  #pause(): void {
    this.#paused = true;
    this.#times++;
    this.#kept.pause();
    this.#forget();
  }

  /** What was read so far does not count any more. */
  #forget(): void {
    this.#tail.restart(this.head);
    this.#queries.forget();
  }

  /** As if the broker was away: what it keeps is known again when it has taken a mark. */
  #onStalled(): void {
    if (this.#paused || this.#stopped) return;
    this.#options.log.warn({ reason: this.#stream.stallReason }, 'broker keeps nothing');
    this.onTurnEnd();
    this.#pause();
    this.#feed.restart();
    this.onStalled();
    this.#later(this.#comeBack(this.#times));
  }

  /** Finds out what the stream is like now, and where it is, and goes on. */
  async #comeBack(times: number): Promise<void> {
    const { epoch, head } = this;
    this.#stream.seen = Math.max(this.#stream.seen, this.last);
    for (;;) {
      const found = await this.#answers.orElse(this.#stream.refresh(), null);
      if (times !== this.#times || this.#stopped) return;
      if (found !== null) break;
      await this.#answers.pause();
    }
    if (this.epoch !== epoch) {
      this.#options.log.warn({ before: epoch, now: this.epoch }, 'stream has lost items: no client is continued');
      this.#appends.last = 0;
    }
    this.#appends.again();
    if (this.epoch === epoch) await this.#lookBack(times, head);
    if (times !== this.#times || this.#stopped) return;
    this.#marks.mark((number) => {
      if (times !== this.#times) return;
      this.#paused = false;
      this.#options.log.info({ number }, 'broker keeps items again');
      this.#kept.resume(number);
      this.#queries.begin(number);
      this.#positions.restart();
      this.#announcer.restart();
      this.#marked.push(() => this.onBack(head));
      this.#endTurn();
    });
    this.#marks.again();
  }

  /** What had got lost before the broker was away is noticed now, or never. */
  async #lookBack(times: number, head: number): Promise<void> {
    for (let tries = 0; tries < LOOKS_BACK; tries++) {
      const number = await this.#markNow();
      if (times !== this.#times || this.#stopped) return;
      const look = this.#positions.lookBack(Math.min(head, number)).then(() => true);
      if (await this.#answers.orElse(look, false)) return;
      await this.#answers.pause();
    }
    this.#options.log.warn({ upTo: head }, 'what got lost before the broker was away is not known');
  }

  /** The stream may have changed, also by what other nodes did. */
  #check(): void {
    if (this.#checking || this.#paused || this.#stopped) return;
    this.#checking = true;
    const { epoch } = this;
    const times = this.#times;
    this.#stream.seen = Math.max(this.#stream.seen, this.head);
    const check = async (): Promise<void> => {
      await this.#answers.orElse(this.#stream.refresh(), null);
      this.#checking = false;
      if (times !== this.#times || this.#stopped) return;
      // It keeps items that would reach nobody, for example.
      if (this.#stream.unfit !== '') return this.#onStalled();
      this.#count();
      if (this.epoch === epoch) return;
      this.onTurnEnd();
      this.#pause();
      // What was lost of the other stream cannot be found.
      this.#positions.restart();
      this.#feed.restart();
      await this.#comeBack(this.#times);
    };
    this.#later(check());
  }

  #count(): void {
    const { messages, channels, bytes } = this.#stream.held;
    [this.counters.itemsHeld, this.counters.channelsHeld, this.counters.bytesHeld] = [messages, channels, bytes];
  }

  #later(work: Promise<unknown>): void {
    work.catch((thrown: unknown) => fault(this, thrown));
  }
}
