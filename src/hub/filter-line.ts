import { type AskingContext, type FilterOutcome, FilterRun } from './filter-run.ts';
import type { FilterService } from './filter-service.ts';
import { type FilteredItem, type FilterSet, matchesContentFilters } from './filter-set.ts';
import type { HubRoom } from './hub-room.ts';

/** The client whose items a line filters. */
export interface LineOwner<T extends FilteredItem> extends AskingContext {
  /** Names it in the log. */
  readonly id: string;
  /** What filters may change of an item; null where it has no content, so that filters only drop it. */
  contentOf(item: T): Buffer | null;
  /** The client gets the item with this content. May end the line. */
  onPassed(item: T, content: Buffer): void;
  /** The client does not get the item. */
  onDropped(item: T): void;
  /** It does not, because a filter could not be applied. */
  onUnfiltered(item: T, problem: string): void;
  /** The line is empty. */
  onLineEmpty(): void;
  onFault(thrown: unknown): void;
}

/**
 * The items of one client that pass its filters, one after the other: while a service is asked about one, those after it wait, within the bounds
 * of the client's queue.
 */
export class FilterLine<T extends FilteredItem> implements FilterOutcome {
  readonly filters: FilterSet;
  readonly #room: HubRoom;
  readonly #owner: LineOwner<T>;
  readonly #service: FilterService | null;
  #waiting: T[] = [];
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

  /** Takes an item. What becomes of it the owner is told, now or later. */
  give(item: T): void {
    if (this.#over) return;
    if (this.#current === null && this.#waiting.length === 0) {
      this.#waiting.push(item);
      this.#pass();
      return;
    }
    const { limits, counters, log } = this.#room;
    const { queueItems, queueBytes } = limits.current;
    const length = this.#owner.contentOf(item)?.length ?? 0;
    if (this.#waiting.length >= queueItems || this.#bytes + length > queueBytes) {
      counters.itemsDropped++;
      log.info({ id: this.#owner.id, channel: item.channel }, 'too many items wait for a filter: item dropped');
      return;
    }
    this.#waiting.push(item);
    this.#bytes += length;
  }

  /** The client gets nothing any more. Returns the items that had no outcome, oldest first. */
  end(): readonly T[] {
    const left = this.#current === null ? this.#waiting : [this.#current, ...this.#waiting];
    this.#over = true;
    this.#waiting = [];
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
    const { counters, log } = this.#room;
    counters.filterErrors++;
    log.info({ id: this.#owner.id, channel: item.channel, problem }, 'item dropped by a filter');
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
