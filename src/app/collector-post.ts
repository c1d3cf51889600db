import type { TimerWheel } from '../clock/index.ts';
import type { Config } from '../config/index.ts';
import type { HeaderList, Log, OriginCounters } from '../exchange/index.ts';
import type { PostedSpans, SpanPost } from '../trace/index.ts';
import { OwnClient } from './own-client.ts';

/** Milliseconds until the collector has responded. */
const TIMEOUT = 10_000;

/** Bytes of its response. */
const MAX_RESPONSE = 65_536;

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
  readonly #client: OwnClient;

  constructor({ trace, wheel, counters, log }: CollectorMeans) {
    const { otlp, headers } = trace;
    const url = new URL(otlp);
    this.#uri = url.pathname === '/' ? `${url.origin}/v1/traces` : url.href;
    this.#headers = ['Content-Type', 'application/json', ...headers.flatMap(nameAndValue)];
    this.#client = new OwnClient({ wheel, log, counters, id: 'otlp', timeout: TIMEOUT, maxBytes: MAX_RESPONSE });
  }

  post(body: Buffer, done: (posted: PostedSpans) => void): void {
    this.#client.post(this.#uri, this.#headers, body, done);
  }

  close(): void {
    this.#client.close();
  }
}

function nameAndValue(field: string): [string, string] {
  const colon = field.indexOf(':');
  return [field.slice(0, colon), field.slice(colon + 1).trim()];
}
