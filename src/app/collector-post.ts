import type { HttpClient } from '../client/index.ts';
import type { TimerWheel } from '../clock/index.ts';
import { fieldValue, parseRetryAfter } from '../codec/fields/index.ts';
import type { Config } from '../config/index.ts';
import type { HeaderList, Log, OriginCounters } from '../exchange/index.ts';
import type { HttpFetcher } from '../fetch/index.ts';
import type { PostedSpans, SpanPost } from '../trace/index.ts';
import { fetchWhole } from './fetch-whole.ts';
import { ownFetcher } from './own-fetcher.ts';

/** Milliseconds until the collector has responded. */
const TIMEOUT = 10_000;

/** Bytes of its response. */
const MAX_RESPONSE = 65_536;

const NO_BODY = Buffer.alloc(0);

/** What the requests to the collector are made with. */
export interface CollectorMeans {
  readonly trace: Config['trace'];
  readonly wheel: TimerWheel;
  /** Counts them apart from requests to origins. */
  readonly counters: OriginCounters;
  readonly log: Log;
}

/** Sends spans to the collector that the configuration names. */
export class CollectorPost implements SpanPost {
  readonly #uri: string;
  readonly #headers: HeaderList;
  readonly #client: HttpClient;
  readonly #fetcher: HttpFetcher;

  constructor({ trace, wheel, counters, log }: CollectorMeans) {
    const { otlp, headers } = trace;
    const url = new URL(otlp);
    this.#uri = url.pathname === '/' ? `${url.origin}/v1/traces` : url.href;
    this.#headers = ['Content-Type', 'application/json', ...headers.flatMap(nameAndValue)];
    const { client, fetcher } = ownFetcher({ wheel, counters, log });
    this.#client = client;
    this.#fetcher = fetcher;
  }

  post(body: Buffer, done: (posted: PostedSpans) => void): void {
    const request = { id: 'otlp', method: 'POST', uri: this.#uri, headers: this.#headers, body };
    fetchWhole(this.#fetcher, { ...request, timeout: TIMEOUT, maxBytes: MAX_RESPONSE }).then(
      ({ status, headers, body: answer }) =>
        done({
          status,
          body: answer,
          retryAfter: parseRetryAfter(fieldValue(headers, 'retry-after'), Date.now()) ?? 0,
          reason: '',
        }),
      ({ message }: Error) => done({ status: 0, body: NO_BODY, retryAfter: 0, reason: message }),
    );
  }

  close(): void {
    this.#client.close();
  }
}

function nameAndValue(field: string): [string, string] {
  const colon = field.indexOf(':');
  return [field.slice(0, colon), field.slice(colon + 1).trim()];
}
