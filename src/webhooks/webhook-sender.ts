import { attempt, type Guarded, retryDelay } from '../clock/index.ts';
import { LineRate, type Log, reportFault, shownTarget } from '../exchange/index.ts';
import type { AppendableStore } from '../history/index.ts';
import type { WebhookCounters } from './webhook-counters.ts';
import type { PostedEvents, WebhookPost } from './webhook-post.ts';
import { MAX_BATCH, type QueuedEvent, type QueuedEvents, WebhookQueue } from './webhook-queue.ts';
import { signatureFields } from './webhook-signature.ts';

/** The longest time that a receiver may ask to wait, in milliseconds. */
const MAX_RETRY_AFTER = 3_600_000;

/** Milliseconds between two reads of a store that is far: while nothing comes, and while something waits for the receiver. */
const [LOOK_ANYWAY, LOOK_WAITING] = [10_000, 1_000];

/** "The receiver wants no more" (Standard Webhooks 1.0, "Webhook response codes"). */
const GONE = 410;

const NONE_WANTED = 'the receiver wants none any more';

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
  readonly webhook: Webhook;
  readonly #means: WebhookMeans;
  readonly #failureLines = new LineRate();
  readonly #dropLines = new LineRate();
  #store: AppendableStore | null = null;
  #queue: WebhookQueue | null = null;
  #batch: Batch | null = null;
  #sending = false;
  /** Whether the store has not answered yet what comes next. */
  #asking = false;
  #failures = 0;
  /** When the batch may be sent again, by `performance.now`. */
  #retryAt = 0;
  #gone = false;
  /** Events that wait behind the batch, as of the last look. */
  #behind = 0;
  /** Looks that a store has not answered yet, and how often there was another batch: what is answered of the one before does not count. */
  #open = { looks: 0 };
  #batches = 0;
  /** When that was, by `performance.now`. */
  #looked = 0;
  /** Whether some of those that were not sent have left the store since the last batch was taken. */
  #lost = false;

  constructor(webhook: Webhook, means: WebhookMeans) {
    this.webhook = webhook;
    this.#means = means;
  }

  /** Whether nothing can be sent at present. */
  get idle(): boolean {
    if (this.#sending || this.#asking || this.#open.looks > 0 || this.#queue?.loaded === false) return false;
    return this.#retryAt > performance.now() || (this.#batch === null && this.#behind === 0);
  }

  /** Whether the store has not answered yet what waits. */
  get looks(): boolean {
    return this.#open.looks > 0;
  }

  /** Called every 100 ms. @param store null while another process has what waits. @param isLast whether something may have been queued of which a store that is far has not told yet */
  tick(store: AppendableStore | null, isLast = false): void {
    if (store !== this.#store) this.#use(store);
    this.#queue?.load();
    if (this.#open.looks === 0 && (isLast || this.#hasToLook)) this.#look((fewer) => this.#onLost(fewer));
    this.#sendNext();
  }

  /** Nothing is sent any more. What is on its way may arrive, and is sent again by whoever goes on. */
  stop(): void {
    this.#use(null);
  }

  get #hasToLook(): boolean {
    if (this.#queue?.isFar !== true) return true;
    const passed = performance.now() - this.#looked;
    if (passed >= LOOK_ANYWAY) return true;
    return this.#queue.changed && (this.#batch === null || passed >= LOOK_WAITING);
  }

  #use(store: AppendableStore | null): void {
    this.#queue?.close();
    this.#store = store;
    this.#queue = store === null ? null : new WebhookQueue(store, this.webhook.queue);
    this.#setBatch(null);
    this.#setBehind(0);
    this.#open = { looks: 0 };
    this.#sending = false;
    this.#asking = false;
    this.#failures = 0;
    this.#retryAt = 0;
    this.#lost = false;
  }

  #setBatch(batch: Batch | null): void {
    this.#means.counters.eventsHeld += (batch?.events.length ?? 0) - (this.#batch?.events.length ?? 0);
    this.#batch = batch;
    this.#batches++;
  }

  #setBehind(behind: number): void {
    this.#means.counters.eventsHeld += behind - this.#behind;
    this.#behind = behind;
  }

  /** Finds out how many events wait behind the batch. @param onFewer gets how many fewer than at the last look, if there are fewer */
  #look(onFewer: (fewer: number) => void): void {
    const [queue, open, batches] = [this.#queue, this.#open, this.#batches];
    if (queue?.loaded !== true) return;
    open.looks++;
    this.#looked = performance.now();
    queue.span(({ first, items }) => {
      open.looks--;
      if (queue !== this.#queue || batches !== this.#batches) return;
      const ofBatch = this.#batch?.events.filter(({ number }) => number >= first).length ?? 0;
      const fewer = this.#behind - Math.max(0, items - ofBatch);
      this.#setBehind(this.#behind - fewer);
      if (fewer > 0) onFewer(fewer);
    });
  }

  /** Sends the batch, or takes the next one, unless that has to wait. */
  #sendNext(): void {
    const queue = this.#queue;
    if (queue?.loaded !== true || this.#sending || this.#asking || performance.now() < this.#retryAt) return;
    if (this.#batch !== null) {
      this.#send(this.#batch);
    } else if (this.#behind > 0) {
      this.#asking = true;
      queue.next((events) => {
        if (queue !== this.#queue) return;
        this.#asking = false;
        this.#take(events);
      });
    }
  }

  #take({ events, whole }: QueuedEvents): void {
    // As many have come since the last look as were lost: nobody knows how many these were.
    if (!whole && !this.#lost) this.#onLost(1);
    this.#lost = false;
    const [first] = events;
    const last = events.at(-1);
    if (first === undefined || last === undefined) return;
    const id = `msg_${this.#queue?.epoch}-${first.number}-${last.number}`;
    const batch = { id, events, body: bodyOf(events) };
    this.#setBatch(batch);
    this.#look(() => {});
    if (this.#gone) this.#drop(events, NONE_WANTED);
    else this.#send(batch);
  }

  /** Events have left the store before they were sent: too many wait, or they have waited for too long. */
  #onLost(dropped: number): void {
    this.#lost = true;
    this.#noteDropped(dropped, 'they were the oldest of too many, or not sent in time');
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
      // Fewer may become more until the next tick. But a receiver that keeps up must not lose what comes faster than one request a tick.
      if (this.#behind >= MAX_BATCH) this.#sendNext();
      return;
    }
    counters.requestsFailed++;
    const tries = ++this.#failures;
    const fields = { ...this.#names, status, reason, tries, events: batch.events.length };
    if (status === GONE) {
      this.#gone = true;
      log.error(fields, 'the receiver of a webhook wants no more events: they are dropped until the webhook changes');
      this.#drop(batch.events, NONE_WANTED);
      return;
    }
    this.#failureLines.write(log, 'warn', fields, 'a webhook was not taken');
    this.#retryAt = performance.now() + Math.max(retryDelay(tries - 1), Math.min(retryAfter * 1_000, MAX_RETRY_AFTER));
    const oldest = Date.now() - this.webhook.retryTime;
    const expired = batch.events.filter(({ time }) => time < oldest);
    if (expired.length > 0) this.#drop(expired, 'not taken in time', this.#retryAt);
  }

  #drop(events: readonly QueuedEvent[], reason: string, retryAt = 0): void {
    this.#noteDropped(events.length, reason);
    this.#finish(events, retryAt);
  }

  #noteDropped(dropped: number, reason: string): void {
    const { counters, log } = this.#means;
    counters.eventsDropped += dropped;
    this.#dropLines.write(log, 'warn', { ...this.#names, dropped, reason }, 'events of a webhook are dropped');
  }

  #finish(events: readonly QueuedEvent[], retryAt = 0): void {
    const last = events.at(-1);
    this.#setBatch(null);
    this.#failures = retryAt === 0 ? 0 : this.#failures;
    this.#retryAt = retryAt;
    if (last !== undefined) this.#queue?.done(last.number);
    this.#look(() => {});
  }

  get #names(): { readonly webhook: string } {
    return { webhook: shownTarget(this.webhook.url) };
  }

  onFault(thrown: unknown): void {
    reportFault(this.#means, thrown);
    // Nothing else may tell what became of the batch.
    this.#sending = false;
    this.#retryAt = performance.now() + retryDelay(this.#failures++);
  }
}

function bodyOf(events: readonly QueuedEvent[]): Buffer {
  const [first] = events as readonly [QueuedEvent];
  const time = new Date(first.time).toISOString();
  const list = events.map(({ text }) => text).join(',');
  return Buffer.from(`{"type":"channel.events","timestamp":"${time}","data":{"events":[${list}]}}`);
}
