import { decodeItems, type PublishItem } from '../codec/grip/index.ts';
import { hasExpired } from '../exchange/index.ts';
import type { Cursor, HistoryStore, KeptItem } from '../history/index.ts';
import type { ChannelRules } from './channel-rules.ts';
import { SharedAnswers } from './shared-answers.ts';

/** What a hold asks of the items that are kept. */
export interface HistoryQuestion {
  /** Names of channels, each once. */
  readonly channels: readonly string[];
  /** Where the client is; null for a new one. */
  readonly after: Cursor | null;
  /** The publisher's id of the last item that the client has, of its only channel, in place of `after`. Looked for among the last 1,000 items. */
  readonly id?: string | null;
  /** Bytes of items that are wanted at most, but one item at least. */
  readonly limitBytes: number;
}

/** Items among which one is looked for by its id. */
const MAX_LOOKED_AT = 1_000;

/** The answer to it. */
export interface HistoryAnswer {
  /** Channels of which the client has missed something that it does not get. If there are any it goes on as a new one. */
  readonly gaps: readonly string[];
  /** In the order of their numbers. A new client gets the last one of each channel whose rule retains it. */
  readonly items: readonly PublishItem[];
  /** Everything up to this number is in the answer, or before the cursor; what comes above it is delivered to the hold. */
  readonly head: number;
  /** Whether more follows after `head` that is kept already. */
  readonly more: boolean;
}

/** The items of channels that are kept, as a hub sees them: here, or in another process. */
export interface HubHistory {
  /** What cursors begin with. */
  readonly epoch: string;
  /** Answers at once, or later: then at the place in the order of deliveries at which everything up to `head` has been delivered. */
  ask(question: HistoryQuestion, done: (answer: HistoryAnswer) => void): void;
}

/** The items in a store of this process. */
export class OwnHistory implements HubHistory {
  readonly #store: HistoryStore;
  readonly #rules: () => ChannelRules;
  readonly #shared: SharedAnswers<HistoryAnswer>;

  constructor(store: HistoryStore, rules: () => ChannelRules) {
    this.#store = store;
    this.#rules = rules;
    this.#shared = new SharedAnswers(store);
  }

  get epoch(): string {
    return this.#store.epoch;
  }

  ask(question: HistoryQuestion, done: (answer: HistoryAnswer) => void): void {
    const key = JSON.stringify(question);
    const shared = this.#shared.get(key);
    if (shared !== undefined) {
      done(shared);
      return;
    }
    const { last } = this.#store;
    this.#find(question, (answer) => {
      if (this.#store.last === last && answer.items.every(lasts)) this.#shared.set(key, answer);
      done(answer);
    });
  }

  #find(question: HistoryQuestion, done: (answer: HistoryAnswer) => void): void {
    const { id = null, channels } = question;
    if (id === null || channels.length !== 1) {
      this.#read(question, done);
      return;
    }
    this.#store.read({ channels, after: null, reverse: true, limit: MAX_LOOKED_AT }, ({ items }) => {
      const found = items.find((item) => itemOf(item).id === id);
      const after = found === undefined ? question.after : { epoch: this.epoch, number: found.number };
      this.#read({ ...question, after }, done);
    });
  }

  #read({ channels, after, limitBytes }: HistoryQuestion, done: (answer: HistoryAnswer) => void): void {
    if (after === null) {
      this.#retained(channels, [], done);
      return;
    }
    this.#store.read({ channels, after, limitBytes }, ({ recovered, gaps, items, head, more }) => {
      if (recovered) done({ gaps, items: items.map(itemOf).filter(isOfUse), head, more });
      else this.#retained(channels, gaps, done);
    });
  }

  #retained(channels: readonly string[], gaps: readonly string[], done: (answer: HistoryAnswer) => void): void {
    const rules = this.#rules();
    const retaining = channels.filter((channel) => rules.of(channel)?.retain === true);
    const items: PublishItem[] = [];
    const answer = (head: number): void => {
      items.sort((one, other) => (one.number ?? 0) - (other.number ?? 0));
      done({ gaps, items: items.filter(isOfUse), head, more: false });
    };
    let waiting = retaining.length;
    if (waiting === 0) answer(this.#store.head);
    for (const channel of retaining) {
      this.#store.lastOf(channel, (item, head) => {
        if (item !== null) items.push(itemOf(item));
        if (--waiting === 0) answer(head);
      });
    }
  }
}

/** Whether an item is of use for as long as it is kept. */
function lasts({ extras = null }: PublishItem): boolean {
  return extras === null || extras.expires === 0;
}

/** Whether the time is not over for which an item is of use. */
export function isOfUse({ extras = null }: PublishItem): boolean {
  return extras === null || !hasExpired(extras.expires);
}

/** An item as it was published, with its number. */
export function itemOf({ bytes, number }: KeptItem): PublishItem {
  const [item] = decodeItems(bytes) as [PublishItem];
  item.number = number;
  return item;
}
