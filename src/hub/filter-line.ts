import { type ClientNames, clientNames, type Payload } from '../exchange/index.ts';
import { type AskingContext, type FilterOutcome, FilterRun } from './filter-run.ts';
import type { FilterService } from './filter-service.ts';
import { type FilteredItem, type FilterSet, matchesContentFilters } from './filter-set.ts';
import type { HubRoom } from './hub-room.ts';

/** An item that may wait in a line. */
export interface LineItem extends FilteredItem {
  /** What the hub's total counts of it. */
  readonly payload: Payload;
}

/** The client whose items a line filters. */
export interface LineOwner<T extends LineItem> extends AskingContext, ClientNames {
  /** What filters may change of an item; null where it has no content, so that filters only drop it. */
  contentOf(item: T): Buffer | null;
  /** The client gets the item with this content. May end the line. */
  onPassed(item: T, content: Buffer): void;
  /** The client does not get the item. */
  onDropped(item: T): void;
  /** It does not, because a filter could not be applied. */
  onUnfiltered(item: T, problem: string): void;
  /** Whether it takes all items that come, since no more come than it takes. */
  readonly takesAll: boolean;
  /** There is no room for an item. Returns whether the client gets it in another way, later. */
  onNoRoom(item: T): boolean;
  /** The line is empty. */
  onLineEmpty(): void;
  onFault(thrown: unknown): void;
}

/**
 * The items of one client that pass its filters, one after the other: while a service is asked about one, those after it wait, within the bounds
 * of the client's queue and of the hub's total. The one that is asked about counts in the total too.
 */
export class FilterLine<T extends LineItem> implements FilterOutcome {
  readonly filters: FilterSet;
  readonly #room: HubRoom;
  readonly #owner: LineOwner<T>;
  readonly #service: FilterService | null;
  #waiting: T[] = [];
  /** Bytes of `#waiting`. */
  #bytes = 0;
  #current: T | null = null;
  #run: FilterRun | null = null;
  #passing = false;
  #over = false;

  constructor(room: HubRoom, owner: LineOwner<T>, filters: FilterSet, service: FilterService | null) {
    this.#room = room;
    this.#owner = owner;
    this.filters = filters;
    this.#service = service;
  }

  /** Whether an item waits for a service. */
  get busy(): boolean {
    return this.#current !== null;
  }

  /** Whether nothing waits, and no service is asked. */
  get idle(): boolean {
    return this.#current === null && this.#waiting.length === 0 && !this.#passing;
  }

  /** Takes an item. What becomes of it the owner is told, now or later. */
  give(item: T): void {
    if (this.#over) return;
    const next = this.#current === null && this.#waiting.length === 0;
    // With no service to ask, the next item does not wait.
    if ((!next || this.filters.asks(item.channel)) && !this.#admits(item)) return;
    this.#room.budget.take(item.payload);
    this.#waiting.push(item);
    this.#bytes += this.#owner.contentOf(item)?.length ?? 0;
    if (next) this.#pass();
  }

  /** Whether there is room for an item that has to wait. Otherwise it is dropped, which is counted and logged. */
  #admits(item: T): boolean {
    if (this.#owner.takesAll) return true;
    const { limits, counters, log, budget } = this.#room;
    const { queueItems, queueBytes } = limits.current;
    const length = this.#owner.contentOf(item)?.length ?? 0;
    const asked = this.#current?.payload.body.length ?? 0;
    const fits = this.#waiting.length < queueItems && this.#bytes + length <= queueBytes;
    // An item alone in the line may exceed the client's own bound, since it does not wait behind another.
    const alone = this.#current === null && this.#waiting.length === 0;
    if ((fits || alone) && budget.admits(length, this.#bytes + asked)) return true;
    if (this.#owner.onNoRoom(item)) return false;
    counters.itemsDropped++;
    log.info({ ...clientNames(this.#owner), channel: item.channel }, 'too many items wait for a filter: item dropped');
    return false;
  }

  /** The client gets nothing any more. Returns the items that had no outcome, oldest first. */
  end(): readonly T[] {
    const left = this.#current === null ? this.#waiting : [this.#current, ...this.#waiting];
    this.#over = true;
    for (const { payload } of left) this.#room.budget.release(payload);
    this.#waiting = [];
    this.#bytes = 0;
    this.#current = null;
    this.#run?.abort();
    this.#run = null;
    return left;
  }

  onFiltered(content: Buffer | null): void {
    const item = this.#take();
    if (item === null) return;
    if (content === null) this.#owner.onDropped(item);
    else this.#owner.onPassed(item, content);
    this.#pass();
  }

  onFilterError(problem: string): void {
    const item = this.#take();
    if (item === null) return;
    this.#room.filterErrors.note(this.#owner, item.channel, problem);
    this.#owner.onUnfiltered(item, problem);
    this.#pass();
  }

  onFault(thrown: unknown): void {
    this.#owner.onFault(thrown);
  }

  #take(): T | null {
    const item = this.#current;
    this.#current = null;
    this.#run = null;
    if (item !== null) this.#room.budget.release(item.payload);
    return item;
  }

  /** Lets items pass until one has to wait. */
  #pass(): void {
    // Outcomes within the call that begins a run come back here.
    if (this.#passing) return;
    this.#passing = true;
    try {
      while (this.#current === null && !this.#over) {
        const item = this.#waiting.shift();
        if (item === undefined) break;
        this.#begin(item);
      }
    } finally {
      this.#passing = false;
    }
    if (this.#current === null && !this.#over) {
      this.#bytes = 0;
      this.#owner.onLineEmpty();
    }
  }

  #begin(item: T): void {
    const content = this.#owner.contentOf(item);
    this.#bytes = Math.max(0, this.#bytes - (content?.length ?? 0));
    const filters = this.filters.filtersOf(item.channel);
    if (content !== null && !matchesContentFilters(item, filters)) {
      this.#room.budget.release(item.payload);
      this.#owner.onDropped(item);
      return;
    }
    this.#current = item;
    const run = new FilterRun(
      this.#room,
      {
        item,
        content: content ?? NO_CONTENT,
        filters: content === null ? this.filters.droppingOf(item.channel) : filters,
        set: this.filters,
        context: this.#owner,
        service: this.#service,
      },
      this,
    );
    this.#run = run;
    run.start();
  }
}

const NO_CONTENT = Buffer.alloc(0);
