import { encodeItem, type PublishItem } from '../codec/grip/index.ts';
import type { HistoryStore, NewItem } from '../history/index.ts';
import type { ChannelRules } from './channel-rules.ts';

/** Takes items that have their order. */
export interface ItemsOutlet {
  /** Notes the ids of items that another has brought into order. */
  note(items: readonly PublishItem[]): void;
  /** Delivers items. */
  pass(items: readonly PublishItem[]): void;
  /** Forgets the ids of items that could not be stored: their publishers may try again. */
  lose(items: readonly PublishItem[]): void;
  /** Less waits to be stored: publishers may go on, also where nobody gets what was stored. */
  onRoom(): void;
}

/**
 * Stands where items have been brought into order: numbers those of channels that are kept, stores them, and passes all of them on in
 * their order, once they are stored.
 */
export class ItemKeeper {
  readonly #store: HistoryStore;
  #rules: ChannelRules;
  /** Whether the store knows of the rules. */
  #told = false;
  readonly #outlet: Pick<ItemsOutlet, 'pass' | 'onRoom'>;
  /** Lists that wait until they are stored. */
  #waiting = 0;

  constructor(store: HistoryStore, rules: ChannelRules, outlet: Pick<ItemsOutlet, 'pass' | 'onRoom'>) {
    this.#store = store;
    this.#rules = rules;
    this.#outlet = outlet;
    this.rules = rules;
  }

  /** What is kept from now on. */
  set rules(rules: ChannelRules) {
    const isSame = this.#told && rules.text === this.#rules.text;
    this.#rules = rules;
    this.#told = true;
    if (isSame) return;
    this.#store.setRules(rules.text, (channel) => rules.limitsOf(channel));
    // Items that are not kept any more come after that is noted, too.
    this.#waiting++;
    this.#store.append([], () => {
      this.#waiting--;
    });
  }

  /** Bytes that wait to be stored: publishers wait on their account. */
  get pending(): number {
    return this.#store.waiting;
  }

  /** Whether nothing waits to be stored. */
  get idle(): boolean {
    return this.#waiting === 0;
  }

  /** Calls `done` when all that has been taken so far has been passed on. */
  settle(done: () => void): void {
    if (this.#waiting === 0) done();
    else this.#store.append([], done);
  }

  take(items: readonly PublishItem[]): void {
    if (!this.#rules.keepSome && this.#waiting === 0) {
      this.#outlet.pass(items);
      return;
    }
    const kept: PublishItem[] = [];
    const entries: NewItem[] = [];
    for (const item of items) {
      const keep = this.#rules.limitsOf(item.channel);
      // One with a number was stored by another process, which has brought it into order.
      if (keep === null || (item.number ?? 0) > 0 || !isForLater(item)) continue;
      kept.push(item);
      entries.push({ channel: item.channel, bytes: encodeItem(item), keep });
    }
    if (kept.length === 0 && this.#waiting === 0) {
      this.#outlet.pass(items);
      return;
    }
    this.#waiting++;
    this.#store.append(entries, (first) => {
      this.#waiting--;
      let number = first;
      for (const item of kept) item.number = number++;
      this.#outlet.pass(items);
      this.#outlet.onRoom();
    });
  }
}

/** Whether a client that comes back gets something of the item. Hints, closes and items with `retain: false` are for those who are there. */
export function isForLater({ extras, httpResponse, httpStream, wsMessage }: PublishItem): boolean {
  if (extras?.retain === false) return false;
  return httpResponse?.action === 'send' || httpStream?.action === 'send' || wsMessage?.action === 'send';
}
