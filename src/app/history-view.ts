import { isOfWebhook } from '../codec/grip/index.ts';
import { type ChannelDetails, type HistoryPage, type HistoryQuery, OperationError } from '../control/index.ts';
import {
  type AppendableStore,
  type ChannelSpan,
  type Cursor,
  formatCursor,
  LOST_CURSOR,
  parseCursor,
  type ReadQuery,
  type ReadResult,
} from '../history/index.ts';
import { isOfUse, readKept } from '../hub/index.ts';
import type { HistoryRole } from './history-role.ts';
import { historyItem } from './shown-item.ts';

/**
 * Bytes of items in one answer, and always one item.
 * @bound control-history-page
 */
const MAX_PAGE_BYTES = 1_048_576;

/** Items that are looked at for the rate of a channel. */
const MAX_COUNTED = 1_000;

/** Milliseconds over which it is counted. */
const COUNTED_TIME = 60_000;

type Span = NonNullable<ChannelDetails['history']>;

/** What is kept, for the control API. What waits for webhooks is not shown: it is a part of how they work, and has the users of all channels. */
export class HistoryView {
  readonly #role: () => Pick<HistoryRole, 'store' | 'target'> | null;

  /** @param role null, or without a store, where nothing is kept or another process still has it */
  constructor(role: () => Pick<HistoryRole, 'store' | 'target'> | null) {
    this.#role = role;
  }

  /** Whether the broker of a cluster has what is kept, and is away. */
  get isAway(): boolean {
    const store = this.#role()?.store ?? null;
    return store !== null && isAway(store);
  }

  /** Names of channels that have items, in any order. */
  async names(prefix: string): Promise<readonly string[]> {
    const store = this.#role()?.store ?? null;
    if (store === null || isAway(store)) return [];
    const names = await new Promise<readonly string[]>((resolve) => store.names(prefix, resolve));
    return names.filter((name) => !isOfWebhook(name));
  }

  /** What is kept of a channel; null where nothing is to be kept, and while the broker of a cluster is away. */
  async spanOf(name: string): Promise<Pick<Span, 'items' | 'bytes' | 'oldest'> | null> {
    const store = this.#storeOf(name);
    if (store === null) return null;
    const { items, bytes, oldest } = await spanIn(store, name);
    return { items, bytes, oldest: timeText(oldest) };
  }

  /** More of it. */
  async detailsOf(name: string): Promise<Span | null> {
    const store = this.#storeOf(name);
    if (store === null) return null;
    const { first, last, items, bytes, oldest } = await spanIn(store, name);
    const newest = await read(
      store,
      { channels: [name], after: null, reverse: true, limit: MAX_COUNTED },
      ({ items }) => items.map(({ time }) => time),
    );
    return {
      items,
      bytes,
      oldest: timeText(oldest),
      first,
      last,
      cursor: formatCursor(store.epoch, store.head),
      itemsPerSecond: rateOf(newest, Date.now()),
      retain: this.#role()?.target.rules.of(name)?.retain === true,
    };
  }

  /**
   * Items of a channel; null where nothing is to be kept.
   * @throws OperationError while another process has them, or the broker of a cluster is away
   */
  async page(name: string, { since, limit, reverse }: HistoryQuery): Promise<HistoryPage | null> {
    const role = this.#role();
    if (role === null || !isShown(role, name)) return null;
    const { store } = role;
    if (store === null) {
      throw new OperationError('HF_CONTROL_CONFLICT', 'the process that this one replaces still has the history');
    }
    if (isAway(store)) throw new OperationError('HF_BROKER_AWAY', '', ['Retry-After', '2']);
    const end = formatCursor(store.epoch, store.head);
    const cursor = since === undefined ? null : (parseCursor(since) ?? LOST_CURSOR);
    const isReverse = reverse === 'true';
    if (isReverse && cursor !== null && !isWithin(store, cursor)) {
      return { recovered: false, items: [], next: null, end };
    }
    const part = isReverse ? { after: null, before: cursor?.number, reverse: true } : { after: cursor };
    const query = { channels: [name], limit, limitBytes: MAX_PAGE_BYTES, ...part };
    // Views of the store's memory are good during the call only.
    return read(store, query, ({ recovered, items, head, more }) => ({
      recovered,
      items: items.flatMap((kept) =>
        readKept(store, [kept])
          .filter(isOfUse)
          .map((item) => historyItem(item, formatCursor(store.epoch, kept.number), kept.time)),
      ),
      next: more ? formatCursor(store.epoch, head) : null,
      end,
    }));
  }

  #storeOf(name: string): AppendableStore | null {
    const role = this.#role();
    if (role === null || role.store === null || !isShown(role, name)) return null;
    return isAway(role.store) ? null : role.store;
  }
}

/** Whether a store would answer only when the broker is back. */
function isAway(store: AppendableStore): boolean {
  return 'isAway' in store && store.isAway;
}

/** Whether a channel is kept, for others than webhooks. */
function isShown({ target: { rules } }: Pick<HistoryRole, 'target'>, name: string): boolean {
  return rules.limitsOf(name) !== null && !isOfWebhook(name);
}

function spanIn(store: AppendableStore, name: string): Promise<ChannelSpan> {
  return new Promise((resolve) => store.span(name, resolve));
}

function read<T>(store: AppendableStore, query: ReadQuery, use: (result: ReadResult) => T): Promise<T> {
  return new Promise((resolve, reject) => {
    store.read(query, (result) => {
      try {
        resolve(use(result));
      } catch (thrown) {
        reject(thrown);
      }
    });
  });
}

/** Whether a cursor is of this store, and not of the future. */
function isWithin({ epoch, head }: AppendableStore, cursor: Cursor): boolean {
  return cursor.epoch === epoch && cursor.number <= head;
}

/** Items a second. @param times of items, the newest first */
function rateOf(times: readonly number[], now: number): number {
  const recent = times.filter((time) => time > now - COUNTED_TIME);
  const isAll = recent.length === times.length;
  const span = isAll ? now - (recent.at(-1) ?? now - COUNTED_TIME) : COUNTED_TIME;
  return (recent.length * 1_000) / Math.max(1_000, span);
}

function timeText(time: number | null): string | null {
  return time === null ? null : new Date(time).toISOString();
}
