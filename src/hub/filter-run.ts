import { type Guarded, WheelTimer } from '../clock/index.ts';
import type { RatedCall } from './call-rate.ts';
import type { FilterCall, FilterClient, FilterService } from './filter-service.ts';
import { asksService, type FilterContext, type FilteredItem, type FilterSet } from './filter-set.ts';
import { FilterError } from './filter-template.ts';
import type { HubRoom } from './hub-room.ts';
import type { ChannelPosition } from './next-link.ts';

/** Milliseconds that a service has for its response (GRIP §6), from the beginning of the request. */
export const CALL_TIMEOUT = 10_000;

const EMPTY = Buffer.alloc(0);

/** What filters that ask a service tell it of a client, besides what others look at. */
export interface AskingContext extends FilterContext {
  /** What the client has of its channels. */
  readonly positions: readonly ChannelPosition[];
}

/** What a run is about. */
export interface FilterSubject {
  readonly item: FilteredItem;
  readonly content: Buffer;
  /** In their order. */
  readonly filters: readonly string[];
  readonly set: FilterSet;
  readonly context: AskingContext;
  /** Null: nothing can be asked. */
  readonly service: FilterService | null;
}

/** Gets the outcome of a run, once, unless the run is aborted. */
export interface FilterOutcome extends Guarded {
  /** The content for the client; null if it does not get the item. */
  onFiltered(content: Buffer | null): void;
  /** A filter could not be applied. */
  onFilterError(problem: string): void;
}

/** Applies the filters of one client's channel to one item, one after the other. Some ask a service, and take their time. */
export class FilterRun extends WheelTimer implements RatedCall, FilterClient {
  readonly #room: HubRoom;
  readonly #subject: FilterSubject;
  readonly #outcome: FilterOutcome;
  #content: Buffer;
  /** Index of the filter that comes next, or that waits for its service. */
  #at = 0;
  #call: FilterCall | null = null;
  #state: 'idle' | 'queued' | 'away' | 'over' = 'idle';

  constructor(room: HubRoom, subject: FilterSubject, outcome: FilterOutcome) {
    super();
    this.#room = room;
    this.#subject = subject;
    this.#outcome = outcome;
    this.#content = subject.content;
  }

  get uri(): string {
    return this.#call?.uri ?? '';
  }

  get target(): string {
    return this.#call?.target ?? '';
  }

  /** Applies the filters. The outcome may come within the call. */
  start(): void {
    const { filters, set, item, context } = this.#subject;
    try {
      for (; this.#at < filters.length; this.#at++) {
        const filter = filters[this.#at] as string;
        if (asksService(filter)) {
          this.#ask(filter);
          return;
        }
        const content = set.applyOne(filter, item, this.#content, context);
        if (content === null) {
          this.#end(null);
          return;
        }
        this.#content = content;
      }
    } catch (error) {
      if (!(error instanceof FilterError)) throw error;
      this.#fail(error.message);
      return;
    }
    this.#end(this.#content);
  }

  /** The outcome is not wanted any more. Harmless when it has come. */
  abort(): void {
    const state = this.#state;
    this.#state = 'over';
    if (state === 'queued') this.#room.callRate.cancel(this);
    else if (state === 'away') {
      this.#freePlace();
      this.#call?.abort();
    }
  }

  /** @throws FilterError */
  #ask(filter: string): void {
    const { set, item, context, service } = this.#subject;
    const { url } = set.meta;
    if (url === undefined) throw new FilterError(`filter error: ${filter}: no url set`);
    if (service === null) throw new FilterError(`filter error: ${filter}: no service`);
    this.#call = service.open(
      {
        url,
        body: filter === 'http-modify' ? this.#content : EMPTY,
        subMeta: set.meta,
        pubMeta: item.meta,
        positions: context.positions,
      },
      this,
    );
    this.#state = 'queued';
    this.#room.callRate.add(this);
  }

  /** Its turn among the requests has come. */
  startReplay(): void {
    this.#state = 'away';
    this.#room.wheel.schedule(this, CALL_TIMEOUT);
    this.#call?.start();
  }

  onFilterResponse(status: number, drop: boolean, body: Buffer): void {
    if (this.#state !== 'away') return;
    this.#state = 'idle';
    this.#freePlace();
    const filter = this.#subject.filters[this.#at];
    if (status !== 200 && status !== 204) {
      this.#fail(`filter error: ${filter}: the service responded with the status ${status}`);
      return;
    }
    if (drop) {
      this.#end(null);
      return;
    }
    if (filter === 'http-modify' && status === 200) this.#content = body;
    this.#at++;
    this.start();
  }

  onFilterFailed(detail: string): void {
    if (this.#state !== 'away') return;
    this.#state = 'idle';
    this.#freePlace();
    this.#fail(`filter error: ${this.#subject.filters[this.#at]}: ${detail}`);
  }

  override onTimer(): void {
    this.#call?.abort();
    this.onFilterFailed(`no response within ${CALL_TIMEOUT / 1_000} s`);
  }

  override onFault(thrown: unknown): void {
    this.abort();
    this.#outcome.onFault(thrown);
  }

  #freePlace(): void {
    this.#room.wheel.cancel(this);
    this.#room.callPacer.done(this.target);
  }

  #end(content: Buffer | null): void {
    this.#state = 'over';
    this.#outcome.onFiltered(content);
  }

  #fail(problem: string): void {
    this.#state = 'over';
    this.#outcome.onFilterError(problem);
  }
}
