import { encodeItem, type PublishItem, webhookMarkChannel } from '../codec/grip/index.ts';
import { type Cursor, formatCursor, type HistoryStore, type KeptItem, parseCursor } from '../history/index.ts';
import { emptyItem, itemOf, messageOf } from '../hub/index.ts';

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

/** Events of one request. */
const BATCH = 100;

/** Bytes of the events of one request. */
const BATCH_BYTES = 262_144;

const MARK = { items: 1, age: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY };

/** The events of one webhook, in a store. What is done with is marked there too, so whoever opens the store again goes on behind it. */
export class WebhookQueue {
  readonly #store: HistoryStore;
  readonly #queue: string;
  /** The number of the last event that is done with. */
  #mark: Cursor;
  #loaded = false;

  constructor(store: HistoryStore, queue: string) {
    this.#store = store;
    this.#queue = queue;
    this.#mark = { epoch: store.epoch, number: 0 };
    store.lastOf(webhookMarkChannel(queue), (item) => {
      if (item !== null) this.#mark = parseCursor(textOf(itemOf(item))) ?? this.#mark;
      this.#loaded = true;
    });
  }

  /** Names the numbers of events. */
  get epoch(): string {
    return this.#store.epoch;
  }

  /** Calls `done` with the next events, unless it is known at once that there are none. */
  next(done: (events: QueuedEvents) => void): void {
    if (!this.#loaded) return;
    this.#store.span(this.#queue, ({ last }) => {
      if (last > this.#mark.number) this.#read(BATCH, BATCH_BYTES, done);
    });
  }

  /** Calls `done` with how many events wait. */
  count(done: (waiting: number) => void): void {
    if (!this.#loaded) return;
    this.#store.span(this.#queue, ({ last }) => {
      if (last <= this.#mark.number) done(0);
      else this.#items(undefined, undefined, (items) => done(items.length));
    });
  }

  /** The events up to this number are done with. */
  done(number: number): void {
    this.#mark = { epoch: this.epoch, number };
    const item = {
      ...emptyItem(webhookMarkChannel(this.#queue)),
      wsMessage: messageOf(formatCursor(this.#mark.epoch, number)),
    };
    this.#store.append([{ channel: item.channel, bytes: encodeItem(item), keep: MARK }], () => {});
  }

  #read(limit: number, limitBytes: number, done: (events: QueuedEvents) => void): void {
    this.#items(limit, limitBytes, (items, whole) => done({ events: items.slice(0, limit).map(eventOf), whole }));
  }

  /** The items after the mark. Where some of them were discarded, or numbers are of another epoch, those that are left. */
  #items(
    limit: number | undefined,
    limitBytes: number | undefined,
    done: (items: readonly KeptItem[], whole: boolean) => void,
  ): void {
    const channels = [this.#queue];
    const bounds = { ...(limit !== undefined && { limit }), ...(limitBytes !== undefined && { limitBytes }) };
    this.#store.read({ channels, after: this.#mark, ...bounds }, (result) => {
      if (result.recovered) {
        done(result.items, true);
        return;
      }
      // Numbers go on in a new epoch. What was synced before a crash of the machine is there.
      const isLost = this.#mark.epoch === this.epoch;
      this.#store.read({ channels, after: null }, ({ items }) =>
        done(
          items.filter(({ number }) => number > this.#mark.number),
          !isLost,
        ),
      );
    });
  }
}

function eventOf(kept: KeptItem): QueuedEvent {
  return { number: kept.number, time: kept.time, text: textOf(itemOf(kept)) };
}

function textOf({ wsMessage }: PublishItem): string {
  return String(wsMessage?.content ?? '');
}
