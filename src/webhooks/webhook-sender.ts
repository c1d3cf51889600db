import { attempt, type Guarded, retryDelay } from '../clock/index.ts';
import { LineRate, type Log, reportFault, shownTarget } from '../exchange/index.ts';
import type { HistoryStore } from '../history/index.ts';
import type { WebhookCounters } from './webhook-counters.ts';
import type { PostedEvents, WebhookPost } from './webhook-post.ts';
import { type QueuedEvent, type QueuedEvents, WebhookQueue } from './webhook-queue.ts';
import { signatureFields } from './webhook-signature.ts';

/** The longest time that a receiver may ask to wait, in milliseconds. */
const MAX_RETRY_AFTER = 3_600_000;

/** Milliseconds between two looks at how many events wait. */
const COUNT_INTERVAL = 5_000;

/** "The receiver wants no more" (Standard Webhooks 1.0, "Webhook response codes"). */
const GONE = 410;

/** One webhook. */
export interface Webhook {
  readonly url: string;
  readonly secret: string;
  /** The channel in which its events wait. */
  readonly queue: string;
  /** Milliseconds after which an event that is not taken is dropped. */
  readonly retryTime: number;
}

/** What a sender needs. */
export interface WebhookMeans {
  readonly post: WebhookPost;
  readonly counters: WebhookCounters;
  readonly log: Log;
}

/** Events on their way. They keep their id until they are done with: receivers know a repeat by it. */
interface Batch {
  readonly id: string;
  readonly events: readonly QueuedEvent[];
  readonly body: Buffer;
}

/** Sends the events of one webhook in their order, one request at a time. What the receiver does not take is sent again, and what is too old is dropped. */
export class WebhookSender implements Guarded {
  webhook: Webhook;
  readonly #means: WebhookMeans;
  readonly #failureLines = new LineRate();
  #store: HistoryStore | null = null;
  #queue: WebhookQueue | null = null;
  #batch: Batch | null = null;
  #sending = false;
  #failures = 0;
  /** When the batch may be sent again, by `performance.now`. */
  #retryAt = 0;
  #countAt = 0;
  #gone = false;
  /** Events that wait, as of the last look. */
  #waiting = 0;

  constructor(webhook: Webhook, means: WebhookMeans) {
    this.webhook = webhook;
    this.#means = means;
  }

  /** Whether nothing can be sent at present. */
  get idle(): boolean {
    return !this.#sending && (this.#batch === null || this.#retryAt > performance.now());
  }

  /** Called every 100 ms. @param store null while another process has what waits */
  tick(store: HistoryStore | null): void {
    if (store !== this.#store) this.#use(store);
    const queue = this.#queue;
    if (queue === null) return;
    const now = performance.now();
    if (now >= this.#countAt) {
      this.#countAt = now + COUNT_INTERVAL;
      queue.count((waiting) => this.#note(waiting));
    }
    if (this.#sending || now < this.#retryAt) return;
    if (this.#batch !== null) this.#send(this.#batch);
    else queue.next((events) => queue === this.#queue && this.#take(events));
  }

  /** Nothing is sent any more. What is on its way may arrive, and is sent again by whoever goes on. */
  stop(): void {
    this.#use(null);
  }

  #use(store: HistoryStore | null): void {
    this.#store = store;
    this.#queue = store === null ? null : new WebhookQueue(store, this.webhook.queue);
    this.#batch = null;
    this.#sending = false;
    this.#failures = 0;
    this.#retryAt = 0;
    this.#countAt = 0;
    this.#note(0);
  }

  #note(waiting: number): void {
    this.#means.counters.eventsHeld += waiting - this.#waiting;
    this.#waiting = waiting;
  }

  #take({ events, whole }: QueuedEvents): void {
    if (!whole) this.#lookForLost();
    const [first] = events;
    const last = events.at(-1);
    if (first === undefined || last === undefined) return;
    if (this.#gone) {
      this.#drop(events, 'the receiver wants none any more');
      return;
    }
    const id = `msg_${this.#queue?.epoch}-${first.number}-${last.number}`;
    this.#batch = { id, events, body: bodyOf(events) };
    this.#send(this.#batch);
  }

  /** Events have gone before they were sent: the bounds of the queue, or of the whole history, are too small. Those that came since the last look are not known. */
  #lookForLost(): void {
    const before = this.#waiting;
    this.#queue?.count((waiting) => {
      const dropped = Math.max(1, before - waiting);
      this.#note(waiting);
      this.#means.counters.eventsDropped += dropped;
      this.#means.log.warn({ ...this.#names, dropped }, 'too many events of a webhook wait: the oldest are dropped');
    });
  }

  #send(batch: Batch): void {
    const { url, secret } = this.webhook;
    const { id, body } = batch;
    const signed = signatureFields(secret, id, Math.floor(Date.now() / 1_000), body);
    this.#sending = true;
    this.#means.post.post(url, ['Content-Type', 'application/json', ...signed], body, (posted) => {
      // Another process may go on with it.
      if (this.#batch === batch) attempt(this, () => this.#posted(batch, posted));
    });
  }

  #posted(batch: Batch, { status, retryAfter, reason }: PostedEvents): void {
    const { counters, log } = this.#means;
    this.#sending = false;
    if (status >= 200 && status <= 299) {
      counters.eventsDelivered += batch.events.length;
      this.#finish(batch.events);
      return;
    }
    counters.requestsFailed++;
    const tries = ++this.#failures;
    const fields = { ...this.#names, status, reason, tries, events: batch.events.length };
    if (status === GONE) {
      this.#gone = true;
      log.error(fields, 'the receiver of a webhook wants no more events: they are dropped until the webhook changes');
      this.#drop(batch.events, 'the receiver wants none any more');
      return;
    }
    this.#failureLines.write(log, 'warn', fields, 'a webhook was not taken');
    this.#retryAt = performance.now() + Math.max(retryDelay(tries - 1), Math.min(retryAfter * 1_000, MAX_RETRY_AFTER));
    const oldest = Date.now() - this.webhook.retryTime;
    const expired = batch.events.filter(({ time }) => time < oldest);
    if (expired.length > 0) this.#drop(expired, 'not taken in time', this.#retryAt);
  }

  #drop(events: readonly QueuedEvent[], reason: string, retryAt = 0): void {
    const { counters, log } = this.#means;
    counters.eventsDropped += events.length;
    log.warn({ ...this.#names, dropped: events.length, reason }, 'events of a webhook are dropped');
    this.#finish(events, retryAt);
  }

  #finish(events: readonly QueuedEvent[], retryAt = 0): void {
    const last = events.at(-1);
    this.#batch = null;
    this.#failures = retryAt === 0 ? 0 : this.#failures;
    this.#retryAt = retryAt;
    this.#note(Math.max(0, this.#waiting - events.length));
    if (last !== undefined) this.#queue?.done(last.number);
  }

  get #names(): { readonly webhook: string } {
    return { webhook: shownTarget(this.webhook.url) };
  }

  onFault(thrown: unknown): void {
    reportFault(this.#means, thrown);
  }
}

function bodyOf(events: readonly QueuedEvent[]): Buffer {
  const [first] = events as readonly [QueuedEvent];
  const time = new Date(first.time).toISOString();
  const list = events.map(({ text }) => text).join(',');
  return Buffer.from(`{"type":"channel.events","timestamp":"${time}","data":{"events":[${list}]}}`);
}
