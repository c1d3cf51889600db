import { type ClientNames, clientNames } from '../exchange/index.ts';
import { type AskingContext, type FilterOutcome, FilterRun } from './filter-run.ts';
import type { FilterService } from './filter-service.ts';
import type { FilterSet } from './filter-set.ts';
import type { HubRoom } from './hub-room.ts';
import type { PublishedResponse } from './published-response.ts';

/** The held request whose items are asked about. */
export interface AskedOwner extends AskingContext, ClientNames {
  /** Whether the client still waits for its response. */
  readonly isHeld: boolean;
  /** The item is the response, with this content. */
  onPassed(item: PublishedResponse, content: Buffer): void;
  /** The client does not get the item. */
  onDropped(item: PublishedResponse): void;
  /** Takes an item that came while another one was asked about. */
  receive(item: PublishedResponse): number;
  /** None is asked about any more, and none waits. */
  onAllDropped(): void;
  onFault(thrown: unknown): void;
}

/** The item of a held request about which the service of a filter is asked, and those that come meanwhile, within their bounds. */
export class AskedItems implements FilterOutcome {
  readonly #room: HubRoom;
  readonly #owner: AskedOwner;
  readonly #service: FilterService | null;
  #item: PublishedResponse | null = null;
  #run: FilterRun | null = null;
  /** What came meanwhile, oldest first. */
  #waiting: PublishedResponse[] = [];
  #resuming = false;

  constructor(room: HubRoom, owner: AskedOwner, service: FilterService | null) {
    this.#room = room;
    this.#owner = owner;
    this.#service = service;
  }

  /** Whether an item is being asked about. */
  get busy(): boolean {
    return this.#item !== null;
  }

  /** Items about which nothing is decided, oldest first. */
  get undecided(): readonly PublishedResponse[] {
    return this.#item === null ? [] : [this.#item, ...this.#waiting];
  }

  ask(item: PublishedResponse, content: Buffer, set: FilterSet): void {
    this.#item = item;
    const filters = set.filtersOf(item.channel);
    const subject = { item, content, filters, set, context: this.#owner, service: this.#service };
    this.#run = new FilterRun(this.#room, subject, this);
    this.#run.start();
  }

  /** Lets an item wait for the outcome of those before it. */
  wait(item: PublishedResponse): void {
    const { limits, kept, counters, log } = this.#room;
    if (this.#waiting.length < limits.current.queueItems && kept.take(item)) {
      this.#waiting.push(item);
      return;
    }
    counters.itemsDropped++;
    log.info({ ...clientNames(this.#owner), channel: item.channel }, 'too many items wait for a filter: item dropped');
  }

  /** Forgets all. */
  drop(): void {
    for (const item of this.#waiting) this.#room.kept.release(item);
    this.#waiting = [];
    this.#item = null;
    this.#run?.abort();
    this.#run = null;
  }

  onFiltered(content: Buffer | null): void {
    const item = this.#item;
    this.#item = null;
    this.#run = null;
    if (item === null) return;
    if (content !== null) {
      this.#owner.onPassed(item, content);
      return;
    }
    this.#owner.onDropped(item);
    this.#resume();
  }

  onFilterError(problem: string): void {
    this.#room.filterErrors.note(this.#owner, this.#item?.channel, problem);
    this.onFiltered(null);
  }

  onFault(thrown: unknown): void {
    this.#owner.onFault(thrown);
  }

  /** The client did not get the item that was asked about: goes on with those that came after it. */
  #resume(): void {
    // An outcome may come within the call that asks.
    if (this.#resuming) return;
    this.#resuming = true;
    while (this.#item === null && this.#owner.isHeld) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      this.#room.kept.release(next);
      this.#owner.receive(next);
    }
    this.#resuming = false;
    if (this.#item === null && this.#owner.isHeld) this.#owner.onAllDropped();
  }
}
