import { fault, type Guarded, inSlices, Ticker } from '../clock/index.ts';
import { type FaultReport, LEAST_COST, type Log, reportFault } from '../exchange/index.ts';
import type { ChannelLog } from './channel-log.ts';
import { HistoryCounters } from './history-counters.ts';
import { HistoryLog, type HistoryLogOptions } from './history-log.ts';
import type {
  ChannelLimits,
  ChannelSpan,
  HistoryStore,
  KeptItem,
  NewItem,
  ReadQuery,
  ReadResult,
} from './history-store.ts';
import { lastInLog, matchingInLog, readLog, spanOfLog } from './log-query.ts';
import { StoredCalls } from './stored-calls.ts';

/** Milliseconds between two sweeps for items that are too old, and how many channels each one looks at. */
const [SWEEP_INTERVAL, SWEEP] = [1_000, 4_096];

/** What a store needs. */
export interface StoreOptions extends Pick<HistoryLogOptions, 'maxBytes'> {
  readonly log: Log;
  readonly counters?: HistoryCounters;
  /** Milliseconds since 1970. Default: the clock. */
  readonly now?: () => number;
}

/** Rules that are being applied to all channels. */
interface Applying {
  /** Those that are still to come. */
  readonly channels: Iterator<ChannelLog>;
  readonly apply: (channel: ChannelLog) => void;
}

/** A store whose log is in the memory of this process. */
export abstract class LogStore implements HistoryStore, Guarded {
  abstract readonly epoch: string;
  abstract readonly head: number;
  abstract readonly degraded: string | null;
  readonly counters: HistoryCounters;
  protected readonly log: HistoryLog;
  protected readonly calls: StoredCalls;
  protected rules: string | null = null;
  protected readonly report: FaultReport;
  #sweeper: Ticker | null = null;
  /** Whether the log was read back, and the limits of its channels are not known yet. */
  #isUnruled = true;
  #applying: Applying | null = null;

  constructor(options: StoreOptions, salt: HistoryLogOptions['salt']) {
    const { maxBytes, counters = new HistoryCounters(), now = Date.now } = options;
    this.counters = counters;
    this.log = new HistoryLog({ maxBytes, counters, now, salt });
    this.report = { counters, log: options.log };
    this.calls = new StoredCalls({ onFault: (thrown) => reportFault(this.report, thrown) });
  }

  get last(): number {
    return this.log.last;
  }

  get waiting(): number {
    return this.calls.cost;
  }

  append(items: readonly NewItem[], stored: (first: number) => void): void {
    const { log } = this;
    const now = log.now();
    const first = log.last + 1;
    let cost = 0;
    for (const { channel, bytes, keep } of items) {
      log.append(channel, bytes, keep, now);
      cost += Math.max(LEAST_COST, bytes.length);
    }
    this.calls.add(first, log.last, cost, stored);
    this.#changed();
  }

  read(query: ReadQuery, done: (result: ReadResult) => void): void {
    done(readLog(this.log, this.epoch, this.head, query));
  }

  matching(
    patterns: readonly string[],
    after: number | null,
    limit: number,
    done: (names: readonly string[] | null) => void,
  ): void {
    done(matchingInLog(this.log, patterns, after, limit));
  }

  lastOf(channel: string, done: (item: KeptItem | null, head: number) => void): void {
    done(lastInLog(this.log, this.head, channel), this.head);
  }

  span(channel: string, done: (span: ChannelSpan) => void): void {
    done(spanOfLog(this.log, channel));
  }

  names(prefix: string, done: (names: readonly string[]) => void): void {
    const names: string[] = [];
    inSlices([...this.log.channels.all()], ({ name, size }) => {
      if (size > 0 && name.startsWith(prefix)) names.push(name);
    })
      .then(() => done(names))
      .catch((thrown: unknown) => fault(this, thrown));
  }

  trim(channel: string, keep: ChannelLimits): void {
    const known = this.log.channels.get(channel);
    if (known === undefined) return;
    known.keep = keep;
    this.log.trim(known);
    this.#changed();
  }

  clear(channel: string, upTo?: number): void {
    const known = this.log.channels.get(channel);
    if (known === undefined) return;
    this.log.clear(known, upTo);
    this.#changed();
  }

  setRules(rules: string, limitsOf: (channel: string) => ChannelLimits | null): void {
    const { log } = this;
    // What the rules before let go has to be gone, before these let it be kept again.
    if (this.#applying !== null) this.#applyRest(this.#applying);
    if (rules !== this.rules) log.raiseUnknownFloor();
    this.rules = rules;
    const apply = (channel: ChannelLog): void => {
      if (log.channels.get(channel.name) !== channel) return;
      const keep = limitsOf(channel.name);
      if (keep === null) {
        log.forget(channel);
        return;
      }
      channel.keep = keep;
      log.trim(channel);
    };
    const applying = { channels: [...log.channels.all()].values(), apply };
    this.#applying = applying;
    // Nobody is served yet. What was let go before the restart goes before anything has to make room for it.
    if (this.#isUnruled) this.#applyRest(applying);
    this.#isUnruled = false;
    inSlices(applying.channels, apply)
      .then(() => {
        if (this.#applying !== applying) return;
        this.#applying = null;
        this.applied();
        this.#changed();
      })
      .catch((thrown: unknown) => fault(this, thrown));
    this.#changed();
  }

  stop(): Promise<void> {
    this.#sweeper?.stop();
    if (this.#applying !== null) this.#applyRest(this.#applying);
    this.#applying = null;
    return Promise.resolve();
  }

  onFault(thrown: unknown): void {
    reportFault(this.report, thrown);
  }

  /**
   * The log is there: what becomes too old goes from now on. Channels that were read back have items that they had let go, until their limits are
   * known: no room is made for these before the first rules, or the first change.
   */
  protected start(): void {
    this.#sweeper = new Ticker(SWEEP_INTERVAL, this, () => {
      this.log.sweep(SWEEP);
      this.#changed();
    });
    this.log.count();
  }

  /** The rules were applied to all channels. */
  protected applied(): void {}

  /** Records were written, or are not needed any more: stores what is to be stored. */
  protected abstract store(): void;

  #changed(): void {
    this.log.settle();
    this.store();
  }

  #applyRest({ channels, apply }: Applying): void {
    for (let next = channels.next(); !next.done; next = channels.next()) apply(next.value);
  }
}
