import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { publishedCursors } from '../codec/grip/index.ts';
import { Batches, type WaitingItem } from './batches.ts';
import type { Poster, PostResult } from './post.ts';
import { PublishError } from './publish-error.ts';

/** How items are sent. */
export interface SendOptions {
  /** Bytes of the body of a request with several items. */
  readonly maxBatchBytes: number;
  /**
   * Bytes of items that wait; each counts as at least 256.
   * @bound publish-client-queue
   */
  readonly maxQueuedBytes: number;
  /** Times that a request is sent again. */
  readonly retries: number;
}

/** Milliseconds before the first retry; each next one waits twice as long. */
const FIRST_WAIT = 100;
const LONGEST_WAIT = 30_000;

/**
 * The items for one server. One request is on its way at a time, so that they arrive in the order in which they were published; what is published
 * meanwhile goes together in the next one. So nothing waits for time to pass.
 */
export class ServerQueue {
  readonly #poster: Poster;
  readonly #options: SendOptions;
  readonly #batches = new Batches();
  #sending: Promise<void> | null = null;
  /** Whether the server takes a request that has the same idempotency key only once. */
  #knowsKeys = false;
  /** Ends the waits before retries. */
  readonly #closing = new AbortController();

  constructor(poster: Poster, options: SendOptions) {
    this.#poster = poster;
    this.#options = options;
  }

  /**
   * Sends an item. Resolves with its cursor, where that is asked for and there is one.
   * @throws PublishError when it was not published
   */
  send(json: string, isRepeatable: boolean): Promise<string | null> {
    const size = Buffer.byteLength(json);
    const { maxQueuedBytes } = this.#options;
    if (!this.#batches.empty && this.#batches.bytes + size > maxQueuedBytes) {
      const message = `cannot publish to ${this.#poster.host}: more than ${maxQueuedBytes} bytes wait to be sent`;
      return Promise.reject(new PublishError(message));
    }
    return new Promise((resolve, reject) => {
      this.#batches.add({ json, size, isRepeatable, resolve, reject });
      this.#sending ??= this.#sendAll();
    });
  }

  /** Sends what waits, without any more retries, and closes the connection. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#sending;
    this.#poster.close();
  }

  async #sendAll(): Promise<void> {
    // What else is published in this turn goes along.
    await null;
    while (!this.#batches.empty) await this.#sendBatch(this.#batches.take(this.#options.maxBatchBytes));
    this.#sending = null;
  }

  /** Items of a batch that is refused are sent in halves, so that only those are refused that are wrong. */
  async #sendBatch(items: readonly WaitingItem[]): Promise<void> {
    let result: PostResult;
    try {
      result = await this.#post(items);
    } catch (error) {
      for (const { reject } of items) reject(error as Error);
      return;
    }
    const { status, text } = result;
    if (status >= 200 && status < 300) {
      const cursors = publishedCursors(text);
      for (const [i, { resolve }] of items.entries()) resolve(cursors[i] ?? null);
    } else if ((status === 400 || status === 413 || status === 422) && items.length > 1) {
      const half = Math.ceil(items.length / 2);
      await this.#sendBatch(items.slice(0, half));
      await this.#sendBatch(items.slice(half));
    } else {
      const error = new PublishError(`${this.#poster.host} responded with ${status}: ${text}`, status);
      for (const { reject } of items) reject(error);
    }
  }

  /** Posts items until there is a response that another try would not change. */
  async #post(items: readonly WaitingItem[]): Promise<PostResult> {
    const body = Buffer.from(`{"items":[${items.map(({ json }) => json).join(',')}]}`);
    const key = `"${randomUUID()}"`;
    const repeatable = items.every(({ isRepeatable }) => isRepeatable);
    for (let tries = 0; ; tries++) {
      const last = tries >= this.#options.retries || this.#closing.signal.aborted;
      let wait = FIRST_WAIT * 2 ** tries * (0.5 + Math.random());
      try {
        const result = await this.#poster.post(body, key);
        this.#knowsKeys ||= result.key === key;
        // RFC 9110 §15.6.4 and RFC 6585 §4: the server has not taken the request, and may say when it would.
        if (last || (result.status !== 429 && result.status !== 503)) return result;
        if (result.retryAfter !== null) wait = result.retryAfter * 1000;
      } catch (error) {
        if (last || !(error instanceof PublishError) || (error.maybePublished && !repeatable && !this.#knowsKeys))
          throw error;
      }
      await this.#pause(Math.min(wait, LONGEST_WAIT));
    }
  }

  async #pause(milliseconds: number): Promise<void> {
    // It ends early when the publisher is closed.
    await sleep(milliseconds, undefined, { signal: this.#closing.signal }).catch(() => {});
  }
}
