import { encodeItem, type PublishItem, webhookMarkChannel } from '../codec/grip/index.ts';
import {
  type AppendableStore,
  type ChannelSpan,
  type Cursor,
  formatCursor,
  type KeptItem,
  parseCursor,
  type ReadResult,
} from '../history/index.ts';
import { emptyItem, readKept, textMessage } from '../hub/index.ts';

/** An event that waits. */
export interface QueuedEvent {
  readonly number: number;
  /** When it was queued, in milliseconds since 1970. */
  readonly time: number;
  /** Its JSON. */
  readonly text: string;
}

/** Some events, the oldest first. */
export interface QueuedEvents {
  readonly events: readonly QueuedEvent[];
  /** Whether all that was queued after the mark is still there, as far as that is known. */
  readonly whole: boolean;
}

/** Events of one request at most. */
export const MAX_BATCH = 100;

/** The same, and bytes of them, but always one event. */
const BATCH = { limit: MAX_BATCH, limitBytes: 262_144 };

const MARK = { items: 1, age: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY };

/**
 * The events of one webhook that wait in a store. What is done with leaves it, and is marked: a store on the disk may have it again after a restart.
 */
export class WebhookQueue {
  readonly #store: AppendableStore;
  readonly #channel: string;
  /** The last event that is done with. Its number counts in a new epoch too, since numbers go on. */
  #mark: Cursor;
  #loading = false;
  #loaded = false;
  #changed = true;
  readonly #unwatch: (() => void) | null;

  constructor(store: AppendableStore, channel: string) {
    this.#store = store;
    this.#channel = channel;
    this.#unwatch =
      store.watch?.(channel, () => {
        this.#changed = true;
      }) ?? null;
    this.#mark = { epoch: store.epoch, number: 0 };
    this.load();
  }

  /** Finds out which events were done with. Harmless once that is known, or asked for. A store for which too many wait has to be asked again. */
  load(): void {
    if (this.#loaded || this.#loading) return;
    this.#loading = true;
    const store = this.#store;
    store.lastOf(webhookMarkChannel(this.#channel), (item) => {
      this.#loading = false;
      if (item === undefined) return;
      const [mark] = item === null ? [] : readKept(store, [item]);
      if (mark !== undefined) this.#mark = parseCursor(textOf(mark)) ?? this.#mark;
      store.clear(this.#channel, this.#mark.number);
      this.#loaded = true;
    });
  }

  /** Names the numbers of events. */
  get epoch(): string {
    return this.#store.epoch;
  }

  /** Calls `done` with the next events, once it is known which were done with. */
  next(done: (events: QueuedEvents) => void): void {
    if (!this.#loaded) return;
    const channels = [this.#channel];
    const events = ({ items }: ReadResult, whole: boolean): void =>
      done({ events: items.flatMap((kept) => this.#eventsOf(kept)), whole });
    this.#store.read({ channels, after: this.#mark, ...BATCH }, (result) => {
      if (result.recovered) {
        events(result, true);
        return;
      }
      // What a crash of the machine has left in a new epoch is all that is known, and so is what the stream of a cluster has that nothing was taken of yet.
      const isWhole = this.#mark.epoch !== this.epoch || (this.#mark.number === 0 && this.#unwatch !== null);
      this.#store.read({ channels, after: null, ...BATCH }, (rest) => events(rest, isWhole));
    });
  }

  /** Whether it is known which events were done with. */
  get loaded(): boolean {
    return this.#loaded;
  }

  /** Whether events may have come since the last look. Where that is not known they may. */
  get changed(): boolean {
    return this.#changed || this.#unwatch === null;
  }

  /** Whether a look is dear: the store of a cluster is asked over the network. */
  get isFar(): boolean {
    return this.#unwatch !== null;
  }

  /** Ends the queue. */
  close(): void {
    this.#unwatch?.();
  }

  /** Calls `done` with what is in the queue. */
  span(done: (span: ChannelSpan) => void): void {
    this.#changed = false;
    this.#store.span(this.#channel, done);
  }

  /** The events up to this number are done with. */
  done(number: number): void {
    this.#mark = { epoch: this.epoch, number };
    const message = textMessage(formatCursor(this.epoch, number));
    const item = { ...emptyItem(webhookMarkChannel(this.#channel)), wsMessage: message };
    this.#store.append([{ channel: item.channel, bytes: encodeItem(item), keep: MARK }], () => {});
    this.#store.clear(this.#channel, number);
  }

  /** The event of an item, if it can be read. */
  #eventsOf(kept: KeptItem): readonly QueuedEvent[] {
    return readKept(this.#store, [kept]).map((item) => ({ number: kept.number, time: kept.time, text: textOf(item) }));
  }
}

function textOf({ wsMessage }: PublishItem): string {
  return String(wsMessage?.content ?? '');
}
