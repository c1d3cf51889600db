import type { KV } from '@nats-io/kv';
import { type AtTurnEnd, guarded, Ticker, TurnQueue } from '../../clock/index.ts';
import {
  type ClusterCounters,
  type FaultReport,
  LineRate,
  type Log,
  OUTAGE_LINES,
  reportFault,
} from '../../exchange/index.ts';
import type { Broker } from '../broker.ts';

/** Writes that are under way at the same time. Others wait, the last value of each key. */
const MAX_UNDER_WAY = 256;

/** Milliseconds between two checks of what waits. */
const TICK = 1_000;

/** Who hears what goes wrong, and knows whether the broker is there. */
interface OwnedKeysReport extends FaultReport {
  readonly broker: Pick<Broker, 'up'>;
  readonly counters: ClusterCounters;
  readonly log: Log;
}

/** A value that was written, and not read again yet. */
interface Written {
  readonly value: string;
  /** 0 until the broker has taken it. */
  revision: number;
  /** What was read meanwhile. */
  read: { readonly value: string; readonly revision: number } | null;
}

/** A value that the bucket is to have. */
interface Wanted {
  readonly value: string;
  /** When it was written last, in milliseconds since 1970; 0 where it was not yet. */
  time: number;
}

/**
 * The keys of a bucket that this node writes, with the values that it wants. It writes what is new at the end of the turn, writes it again before the broker forgets it, and finds out when
 * another node has changed it. An empty value stands for none, since a change has a number then; it goes with time.
 */
export class OwnedKeys implements AtTurnEnd {
  /** Called when the broker has taken all that was to be written. */
  onWritten: () => void = () => {};
  /** Called with a value that was read, unless this node has written a newer one. @param isForeign whether another node has written it, and it is not what this node wants */
  onValue: (key: string, value: string, isForeign: boolean) => void = () => {};
  readonly #bucket: KV;
  readonly #broker: Pick<Broker, 'up'>;
  readonly #refresh: number;
  readonly #report: OwnedKeysReport;
  readonly #turns = new TurnQueue();
  readonly #ticker: Ticker;
  readonly #lines = new LineRate(OUTAGE_LINES);
  /** In the order in which they were written. */
  readonly #wanted = new Map<string, Wanted>();
  /** What is to be written at the end of the turn, or when there is room. */
  readonly #dirty = new Map<string, string>();
  /** What may wait a second. */
  readonly #later = new Map<string, string>();
  readonly #written = new Map<string, Written>();
  #underWay = 0;
  #failed = false;
  #turnEnds = false;

  /** @param refresh milliseconds after which a value is written again */
  constructor(bucket: KV, refresh: number, report: OwnedKeysReport) {
    this.#bucket = bucket;
    this.#broker = report.broker;
    this.#refresh = refresh;
    this.#report = report;
    this.#ticker = new Ticker(TICK, this, () => this.#tick());
  }

  /** Whether the broker has taken everything. */
  get idle(): boolean {
    return this.#underWay + this.#dirty.size + this.#later.size === 0;
  }

  /** What is being written to a key, and was not read again yet; null for nothing. */
  pending(key: string): string | null {
    return this.#dirty.get(key) ?? this.#later.get(key) ?? this.#written.get(key)?.value ?? null;
  }

  /** What the bucket is to have for a key; empty for nothing. */
  wanted(key: string): string {
    return this.#wanted.get(key)?.value ?? '';
  }

  /** The keys that the bucket is to have, and those whose removal is not written yet. */
  get keys(): ReadonlySet<string> {
    return new Set([...this.#wanted.keys(), ...this.#dirty.keys(), ...this.#later.keys()]);
  }

  /** Wants the bucket to have this from now on. @param isUrgent whether it is written at the end of the turn, or within a second */
  set(key: string, value: string, isUrgent = true): void {
    if (value === '') this.#wanted.delete(key);
    else this.#wanted.set(key, { value, time: this.#wanted.get(key)?.time ?? 0 });
    if (isUrgent) this.#write(key, value);
    else if (!this.#dirty.has(key)) this.#later.set(key, value);
    else this.#dirty.set(key, value);
  }

  /** The key is this node's from now on, with a value that another node has written. */
  adopt(key: string, value: string): void {
    this.#wanted.set(key, { value, time: Date.now() });
  }

  /** The key is not this node's from now on. What is not written yet is dropped. */
  disown(key: string): void {
    this.#wanted.delete(key);
    this.#dirty.delete(key);
    this.#later.delete(key);
  }

  /** The bucket has a value for one of these keys. @param revision the number of the change */
  read(key: string, value: string, revision: number): void {
    const written = this.#written.get(key);
    if (written !== undefined) {
      if (written.revision === 0) {
        written.read = { value, revision };
        return;
      }
      if (revision < written.revision) return;
      this.#written.delete(key);
    }
    if (this.#dirty.has(key) || this.#later.has(key)) return;
    this.onValue(key, value, revision !== written?.revision && value !== this.wanted(key));
  }

  /** All values are read again. */
  restart(): void {
    for (const [key, { revision }] of this.#written) if (revision > 0) this.#written.delete(key);
  }

  stop(): void {
    this.#ticker.stop();
  }

  onTurnEnd(): void {
    this.#turnEnds = false;
    if (!this.#broker.up) return;
    for (const [key, value] of this.#dirty) {
      if (this.#underWay >= MAX_UNDER_WAY) return;
      // The value before it is on its way.
      if (this.#written.get(key)?.revision === 0) continue;
      this.#dirty.delete(key);
      this.#put(key, value);
    }
  }

  onFault(thrown: unknown): void {
    reportFault(this.#report, thrown);
  }

  #write(key: string, value: string): void {
    this.#later.delete(key);
    this.#dirty.set(key, value);
    this.#endTurn();
  }

  #endTurn(): void {
    if (this.#turnEnds) return;
    this.#turnEnds = true;
    this.#turns.add(this);
  }

  #put(key: string, value: string): void {
    const written: Written = { value, revision: 0, read: null };
    this.#written.set(key, written);
    this.#underWay++;
    void this.#bucket
      .put(key, value)
      .then(
        guarded(this, (revision: number) => this.#onTaken(key, written, revision)),
        guarded(this, (error: unknown) => this.#onFailed(key, value, error)),
      )
      .then(guarded(this, () => this.#onSettled()));
  }

  #onTaken(key: string, written: Written, revision: number): void {
    const { value } = written;
    written.revision = revision;
    if (this.#wanted.get(key)?.value === value) {
      this.#wanted.delete(key);
      this.#wanted.set(key, { value, time: Date.now() });
    }
    const { read } = written;
    if (read !== null) this.read(key, read.value, read.revision);
  }

  #onFailed(key: string, value: string, error: unknown): void {
    const { counters, log } = this.#report;
    this.#written.delete(key);
    this.#failed = true;
    if (!this.#dirty.has(key)) this.#dirty.set(key, value);
    counters.presenceUnwritten++;
    this.#lines.write(log, 'warn', { error: String(error) }, 'broker does not take who is there: it is tried again');
  }

  #onSettled(): void {
    this.#underWay--;
    if (this.#dirty.size > 0) {
      if (!this.#failed) this.#endTurn();
    } else if (this.idle) this.onWritten();
  }

  #tick(): void {
    this.#failed = false;
    for (const [key, value] of this.#later) this.#write(key, value);
    const old = Date.now() - this.#refresh;
    for (const [key, { value, time }] of this.#wanted) {
      if (time > old) break;
      if (time > 0 && this.#underWay + this.#dirty.size < MAX_UNDER_WAY) this.#write(key, value);
    }
    if (this.#dirty.size > 0) this.#endTurn();
  }
}
