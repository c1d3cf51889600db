import { apiUrl, Failure, request } from '../api/request.ts';
import type { TappedItem } from '../api/types.ts';
import { wellFormed } from './format.ts';
import { Store } from './store.ts';

/** A tapped item with a number that no other one of this page has. */
export interface ListedItem extends TappedItem {
  readonly key: number;
}

export interface TapState {
  readonly kind: 'connecting' | 'live' | 'lost' | 'signed-out' | 'forbidden' | 'absent';
  /** The last items, newest first. */
  readonly items: readonly ListedItem[];
  /** Items since the tap began or was cleared, also those that the list has no room for. */
  readonly total: number;
  /** Items that the server did not send, because the page was too slow for them. */
  readonly lost: number;
}

/** Items that are kept. */
export const TAP_ITEMS = 200;

/** Milliseconds between two changes of the list, however many items come. */
const SHOW_PERIOD = 200;

/** Milliseconds until the tap is opened again. */
const RETRY = 2_000;

/** The messages of one channel, as they are published. */
export class Tap {
  readonly state = new Store<TapState>({ kind: 'connecting', items: [], total: 0, lost: 0 });
  readonly #path: string;
  #source: EventSource | null = null;
  #retry = 0;
  #showing = 0;
  /** Newest last, not shown yet. */
  #fresh: ListedItem[] = [];
  #paused = false;
  #key = 0;
  #total = 0;
  #lost = 0;

  constructor(channel: string) {
    this.#path = `/channels/${encodeURIComponent(wellFormed(channel))}/messages`;
  }

  open(): void {
    const source = new EventSource(apiUrl(this.#path));
    this.#source = source;
    source.addEventListener('open', () => this.#turn('live'));
    source.addEventListener('item', ({ data }: MessageEvent<string>) => this.#take(data));
    source.addEventListener('lost', ({ data }: MessageEvent<string>) => this.#lose(data));
    source.addEventListener('error', () => this.#fail());
  }

  close(): void {
    this.#source?.close();
    this.#source = null;
    clearTimeout(this.#retry);
    clearTimeout(this.#showing);
    this.#showing = 0;
  }

  /** While paused, items are counted and the list stays as it is. */
  set paused(paused: boolean) {
    this.#paused = paused;
    if (!paused) this.#show();
  }

  clear(): void {
    this.#fresh = [];
    this.#total = 0;
    this.#lost = 0;
    this.state.value = { ...this.state.value, items: [], total: 0, lost: 0 };
  }

  #take(data: string): void {
    const item = JSON.parse(data) as TappedItem;
    this.#total++;
    this.#fresh.push({ ...item, key: this.#key++ });
    if (this.#fresh.length > TAP_ITEMS) this.#fresh.shift();
    this.#showSoon();
  }

  #lose(data: string): void {
    this.#lost += (JSON.parse(data) as { count: number }).count;
    this.#showSoon();
  }

  #showSoon(): void {
    if (this.#showing === 0) this.#showing = setTimeout(() => this.#show(), SHOW_PERIOD);
  }

  #show(): void {
    clearTimeout(this.#showing);
    this.#showing = 0;
    const { items } = this.state.value;
    const fresh = this.#paused ? [] : this.#fresh.splice(0).reverse();
    this.state.value = {
      ...this.state.value,
      items: fresh.length === 0 ? items : [...fresh, ...items].slice(0, TAP_ITEMS),
      total: this.#total,
      lost: this.#lost,
    };
  }

  #turn(kind: TapState['kind']): void {
    this.state.value = { ...this.state.value, kind };
  }

  /** EventSource does not say why. A plain request for the channel does. */
  async #fail(): Promise<void> {
    const source = this.#source;
    source?.close();
    this.#turn('lost');
    const kind = await refusalOf(this.#path);
    if (this.#source !== source) return;
    if (kind !== null) this.#turn(kind);
    else this.#retry = setTimeout(() => this.open(), RETRY);
  }
}

/** Asks for the head of the stream, and leaves. */
async function refusalOf(path: string): Promise<'signed-out' | 'forbidden' | 'absent' | null> {
  try {
    await request(path, { method: 'HEAD' });
    return null;
  } catch (error) {
    const kind = error instanceof Failure ? error.kind : null;
    return kind === 'signed-out' || kind === 'forbidden' || kind === 'absent' ? kind : null;
  }
}
