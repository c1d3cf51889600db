import { attempt, type Guarded } from '../clock/index.ts';
import { encodeItem, type PublishError, type PublishItem } from '../codec/grip/index.ts';
import type { KeptItem, SharedItem, SharedStore } from '../history/index.ts';
import type { ChannelRules } from './channel-rules.ts';
import { type ItemsOutlet, isForLater } from './item-keeper.ts';
import { readKept } from './read-kept.ts';

/** Whom what is published reaches: all nodes, this one alone, or nobody, since it is refused. */
export type Reach = 'all' | 'node' | 'none';

/** The other nodes of a cluster, which get the items that are not kept. */
export interface OtherNodes {
  readonly reach: Reach;
  /** Why an item cannot be sent to any of them; null if it can. */
  refusal(item: PublishItem): PublishError | null;
  /** Sends them an item. Where they cannot be reached it is lost for them, and counted. */
  send(item: PublishItem): void;
  /** Bytes on their way. Publishers wait while there are too many. */
  readonly pending: number;
}

/** Items that were taken at the same time. */
interface Taking {
  /** Appends of them that are under way. */
  waiting: number;
  /** Whether some of it could not be stored. */
  isLost: boolean;
}

/**
 * Stands where an `ItemKeeper` stands, in a node of a cluster. Items of channels with a history are appended to the store of all nodes, and are delivered when they come from there, as those of
 * other nodes are: so all nodes have one order. Other items are delivered here, and sent to the other nodes.
 */
export class SharedKeeper {
  readonly #store: SharedStore;
  readonly #others: OtherNodes;
  readonly #outlet: ItemsOutlet;
  #rules: ChannelRules;
  #told = false;
  /** Calls that wait until what was taken so far is stored. */
  readonly #unconfirmed = new Set<(stored: boolean) => void>();
  /** Appends that are under way. */
  #waiting = 0;
  #taking: Taking = { waiting: 0, isLost: false };

  constructor(store: SharedStore, others: OtherNodes, rules: ChannelRules, outlet: ItemsOutlet) {
    this.#store = store;
    this.#others = others;
    this.#rules = rules;
    this.#outlet = outlet;
    this.rules = rules;
    store.onItems = (items) => this.#onItems(items);
  }

  /** What is kept from now on. */
  set rules(rules: ChannelRules) {
    const isSame = this.#told && rules.text === this.#rules.text;
    this.#rules = rules;
    this.#told = true;
    if (!isSame) this.#store.setRules(rules.text, (channel) => rules.limitsOf(channel));
  }

  /** Bytes that wait to be stored or sent. What waits for a store that is out of reach holds nobody up who publishes to the clients of this node. */
  get pending(): number {
    const { reach, pending } = this.#others;
    return reach === 'node' ? pending : this.#store.waiting + pending;
  }

  /** Whether nothing may be published: publishers wait that cannot be refused. */
  get isClosed(): boolean {
    return this.#others.reach === 'none';
  }

  get idle(): boolean {
    return this.#waiting === 0;
  }

  /** Calls `done` when all that has been taken so far has been stored and sent, or nobody knows any more whether it will be. */
  settle(done: () => void): void {
    this.confirm(done);
  }

  /** Calls `done` when all that has been taken so far has been stored. With false: what was taken last is lost, or nobody knows whether it will be stored, or whom it has reached. */
  confirm(done: (stored: boolean) => void): void {
    const taking = this.#taking;
    const { reach } = this.#others;
    if (reach === 'none') {
      done(false);
      return;
    }
    // What reaches this node alone was not appended: it does not matter what became of others before it.
    const waiting = reach === 'node' ? taking.waiting : this.#waiting;
    if (waiting === 0 || reach === 'node') {
      done(waiting === 0 && !taking.isLost);
      return;
    }
    this.#unconfirmed.add(done);
    this.#store.append([], () => {
      if (this.#unconfirmed.delete(done)) done(!taking.isLost);
    });
  }

  /** The store is out of reach. What was taken is stored when it is back, unless that takes too long: nobody waits for it. @param owner handles what those who have waited throw */
  giveUp(owner: Guarded): void {
    const unconfirmed = [...this.#unconfirmed];
    this.#unconfirmed.clear();
    for (const done of unconfirmed) attempt(owner, () => done(false));
  }

  take(items: readonly PublishItem[]): void {
    this.#taking = { waiting: 0, isLost: false };
    // Most often all of them are of one kind.
    const run: PublishItem[] = [];
    let append: PublishItem[] = [];
    for (const item of items) {
      if (item.shared === true) {
        run.push(item);
        continue;
      }
      // One node by itself cannot number items: these are for the clients that are there.
      const isKept = this.#others.reach !== 'node' && this.#rules.limitsOf(item.channel) !== null;
      if (isKept && isForLater(item)) {
        append.push(item);
        continue;
      }
      if (!isKept) {
        this.#others.send(item);
        run.push(item);
        continue;
      }
      // An item that is not kept follows the kept ones of its channel, when they are stored.
      this.#append(append);
      append = [];
      this.#behind(item);
    }
    this.#append(append);
    if (run.length > 0) this.#outlet.pass(run);
  }

  #append(items: readonly PublishItem[]): void {
    if (items.length === 0) return;
    const entries = items.map((item): SharedItem => {
      const { channel } = item;
      const keep = this.#rules.limitsOf(channel);
      return { channel, id: onceIdOf(item), bytes: encodeItem(item), keep: keep as NonNullable<typeof keep> };
    });
    const taking = this.#taking;
    taking.waiting++;
    this.#waiting++;
    this.#store.append(entries, (numbers) => {
      taking.waiting--;
      this.#waiting--;
      for (const [index, item] of items.entries()) item.number = numbers[index] ?? 0;
      const lost = items.filter(({ number }) => number === 0);
      if (lost.length > 0) {
        taking.isLost = true;
        this.#outlet.lose(lost);
      }
      this.#outlet.onRoom();
    });
  }

  #behind(item: PublishItem): void {
    const go = (): void => {
      this.#others.send(item);
      this.#outlet.pass([item]);
    };
    if (this.#waiting === 0) {
      go();
      return;
    }
    this.#waiting++;
    this.#store.append([], () => {
      this.#waiting--;
      go();
    });
  }

  #onItems(kept: readonly KeptItem[]): void {
    const items = readKept(this.#store, kept);
    this.#outlet.note(items);
    this.#outlet.pass(items);
  }
}

/** The id by which the store knows an item that is published again, at any node: its publisher may have been told that it was not stored, although it was. Null for an item without one. */
function onceIdOf({ id, noSeq, onceId }: PublishItem): string | null {
  if (id !== null && !noSeq) return id;
  // No publisher can give such an id.
  return onceId === undefined ? null : `\0key ${onceId}`;
}
