import { attempt, type Guarded, retryDelay, Ticker } from '../clock/index.ts';
import {
  type ExchangeObserver,
  type ExchangeRecord,
  LEAST_COST,
  LineRate,
  type Log,
  reportFault,
} from '../exchange/index.ts';
import { rejectedSpans } from './rejected-spans.ts';
import type { PostedSpans, SpanPost } from './span-post.ts';
import { type SpanKind, spanText } from './span-text.ts';
import type { TraceCounters } from './trace-counters.ts';

/**
 * Bytes of spans that wait for the collector, those on their way included; each costs its bytes and 256 more.
 * @bound trace-queue
 */
export const MAX_WAITING_BYTES = 4_194_304;

/** Spans of one request, and their bytes. */
const MAX_BATCH = 512;
const MAX_BATCH_BYTES = 1_048_576;

/** Milliseconds between two requests, unless a batch is full before. */
const INTERVAL = 1_000;

/** Tries for one batch. They take about half a minute. */
const MAX_TRIES = 5;

/** The longest time that a collector may ask to wait, in milliseconds. */
const MAX_RETRY_AFTER = 60_000;

/** Milliseconds that the spans that are left have at the end. */
const CLOSE_TIMEOUT = 2_000;

/** Statuses of a collector that could not take spans for the moment (OTLP/HTTP, retryable response codes). */
const RETRYABLE: ReadonlySet<number> = new Set([0, 429, 502, 503, 504]);

const NO_BODY = Buffer.alloc(0);

/** What an exporter is made of. */
export interface OtlpExporterOptions {
  readonly post: SpanPost;
  /** Attributes of the process in OTLP's JSON, separated by commas. */
  readonly resource: string;
  readonly version: string;
  readonly counters: TraceCounters;
  readonly log: Log;
}

/**
 * Sends spans to a collector in batches (OTLP/HTTP with JSON), one request at a time. A batch that cannot be delivered is tried again, and spans for which there is no
 * room are dropped and counted: an exchange never waits for its span.
 */
export class OtlpExporter implements Guarded {
  readonly #options: OtlpExporterOptions;
  readonly #before: string;
  readonly #ticker: Ticker;
  readonly #losses = new LineRate();
  /** Spans as text, those that are on their way first. */
  #waiting: string[] = [];
  /** Spans that are on their way; 0 for none. */
  #sent = 0;
  #sending = false;
  /** Tries of the first batch that failed. */
  #failures = 0;
  /** When it may be tried again, by `performance.now`. */
  #retryAt = 0;
  #closed = false;
  #onDone: () => void = () => {};

  constructor(options: OtlpExporterOptions) {
    this.#options = options;
    const { resource, version } = options;
    const scope = `{"name":"holdfast","version":${JSON.stringify(version)}}`;
    this.#before = `{"resourceSpans":[{"resource":{"attributes":[${resource}]},"scopeSpans":[{"scope":${scope},"spans":[`;
    this.#ticker = new Ticker(INTERVAL, this, () => this.#send());
  }

  /** What is told of exchanges of this kind. */
  observer(kind: SpanKind): ExchangeObserver {
    return { onExchangeEnd: (record) => this.#add(record, kind) };
  }

  /** Sends what is left, once and without waiting for long. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#ticker.stop();
    if (this.#waiting.length > 0) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#onDone = resolve;
        timer = setTimeout(resolve, CLOSE_TIMEOUT);
        this.#retryAt = 0;
        this.#send();
      });
      clearTimeout(timer);
    }
    this.#drop(this.#waiting.length, 'the program ends');
  }

  onFault(thrown: unknown): void {
    const { detail } = reportFault(this.#options, thrown);
    // Nothing else would tell what became of the batch.
    if (this.#sending) this.posted({ status: 0, body: NO_BODY, retryAfter: 0, reason: detail });
  }

  #add(record: ExchangeRecord, kind: SpanKind): void {
    const { span } = record;
    if (span === null) return;
    const { counters } = this.#options;
    const text = spanText(record, span, kind, performance.now());
    const cost = costOf(text);
    if (this.#closed || counters.spanBytesHeld + cost > MAX_WAITING_BYTES) {
      counters.spansDropped++;
      const fields = { dropped: counters.spansDropped };
      this.#losses.write(this.#options.log, 'warn', fields, 'spans wait too long for the collector: one is dropped');
      return;
    }
    counters.spanBytesHeld += cost;
    this.#waiting.push(text);
    if (this.#waiting.length >= MAX_BATCH) this.#send();
  }

  /** Sends the next batch, if it may. */
  #send(): void {
    if (this.#sending || this.#waiting.length === 0 || performance.now() < this.#retryAt) return;
    if (this.#sent === 0) this.#sent = this.#batchSize();
    this.#sending = true;
    const spans = this.#waiting.slice(0, this.#sent).join(',');
    attempt(this, startPost, this.#options.post, Buffer.from(`${this.#before}${spans}]}]}]}`));
  }

  #batchSize(): number {
    let bytes = 0;
    let size = 0;
    while (size < this.#waiting.length && size < MAX_BATCH) {
      bytes += (this.#waiting[size] as string).length;
      if (bytes > MAX_BATCH_BYTES && size > 0) break;
      size++;
    }
    return size;
  }

  /** @internal what became of the batch */
  posted({ status, body, retryAfter, reason }: PostedSpans): void {
    const { counters, log } = this.#options;
    this.#sending = false;
    if (status >= 200 && status < 300) {
      const rejected = Math.min(rejectedSpans(body), this.#sent);
      counters.spansExported += this.#sent - rejected;
      counters.spansDropped += rejected;
      if (rejected > 0) this.#losses.write(log, 'warn', { rejected }, 'the collector rejected spans');
      this.#release(this.#sent);
    } else {
      counters.exportsFailed++;
      const fields = { status, reason, tries: this.#failures + 1, spans: this.#sent };
      this.#losses.write(log, 'warn', fields, 'the collector did not take spans');
      if (RETRYABLE.has(status) && this.#failures + 1 < MAX_TRIES && !this.#closed) {
        const wait = Math.max(retryDelay(this.#failures++), Math.min(retryAfter * 1_000, MAX_RETRY_AFTER));
        this.#retryAt = performance.now() + wait;
        return;
      }
      this.#drop(this.#sent, reason);
    }
    if (this.#waiting.length === 0) this.#onDone();
    else if (this.#closed || this.#waiting.length >= MAX_BATCH) this.#send();
  }

  #drop(count: number, reason: string): void {
    if (count === 0) return;
    const { counters, log } = this.#options;
    counters.spansDropped += count;
    this.#losses.write(log, 'warn', { dropped: count, reason }, 'spans are dropped');
    this.#release(count);
  }

  /** The first so many spans are done with. */
  #release(count: number): void {
    const { counters } = this.#options;
    for (let i = 0; i < count; i++) counters.spanBytesHeld -= costOf(this.#waiting[i] as string);
    this.#waiting = this.#waiting.slice(count);
    this.#sent = 0;
    this.#failures = 0;
  }
}

function startPost(exporter: OtlpExporter, post: SpanPost, body: Buffer): void {
  post.post(body, (posted) => attempt(exporter, onPosted, posted));
}

function onPosted(exporter: OtlpExporter, posted: PostedSpans): void {
  exporter.posted(posted);
}

function costOf(text: string): number {
  return LEAST_COST + text.length;
}
