import { apiUrl, Failure, request } from '../api/request.ts';
import type { Status } from '../api/types.ts';
import { Store } from './store.ts';

/** How the page and the server stand. */
export type Link =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'live' }
  /** @property retryAt milliseconds since 1970 */
  | { readonly kind: 'lost'; readonly retryAt: number; readonly attempt: number }
  /** The server wants a session, or one with another role. */
  | { readonly kind: 'denied' };

/** Milliseconds of silence after which the connection counts as lost: statuses come each second. */
const SILENCE = 8_000;

/** Milliseconds until the first try to connect again, and at most. */
const RETRY = { first: 500, most: 10_000 };

/** Follows the statuses of the server, and connects again whenever it went away. */
export class StatusFeed {
  readonly link = new Store<Link>({ kind: 'connecting' });
  readonly #onStatus: (status: Status) => void;
  #source: EventSource | null = null;
  #timer = 0;
  #attempt = 0;

  constructor(onStatus: (status: Status) => void) {
    this.#onStatus = onStatus;
  }

  /** Connects, at once. */
  connect(): void {
    this.stop();
    const source = new EventSource(apiUrl('/events'));
    this.#source = source;
    source.addEventListener('status', ({ data }: MessageEvent<string>) => this.#take(data));
    source.addEventListener('error', () => this.#fail());
    this.#expect();
  }

  stop(): void {
    this.#source?.close();
    this.#source = null;
    clearTimeout(this.#timer);
  }

  #take(data: string): void {
    const status = JSON.parse(data) as Status;
    this.#attempt = 0;
    this.#expect();
    if (this.link.value.kind !== 'live') this.link.value = { kind: 'live' };
    this.#onStatus(status);
  }

  /** A peer that vanished without a word closes no connection. */
  #expect(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#fail(), SILENCE);
  }

  /** EventSource does not say why. A plain request does. */
  #fail(): void {
    this.stop();
    const source = this.#source;
    const delay = Math.min(RETRY.first * 2 ** this.#attempt, RETRY.most);
    this.#attempt++;
    this.link.value = { kind: 'lost', retryAt: Date.now() + delay, attempt: this.#attempt };
    this.#timer = setTimeout(async () => {
      const denied = await isDenied();
      // Somebody has connected or stopped meanwhile.
      if (this.#source !== source || this.link.value.kind !== 'lost') return;
      if (denied) this.link.value = { kind: 'denied' };
      else this.connect();
    }, delay);
  }
}

async function isDenied(): Promise<boolean> {
  try {
    await request('/status');
    return false;
  } catch (error) {
    return error instanceof Failure && (error.kind === 'signed-out' || error.kind === 'forbidden');
  }
}
