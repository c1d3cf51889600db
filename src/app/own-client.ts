import {
  DEFAULT_CLIENT_LIMITS,
  DEFAULT_WEBSOCKET_CLIENT_LIMITS,
  HttpClient,
  WebSocketClient,
} from '../client/index.ts';
import type { TimerWheel } from '../clock/index.ts';
import { fieldValue, parseRetryAfter } from '../codec/fields/index.ts';
import type { HeaderList, Log, OriginCounters } from '../exchange/index.ts';
import { HttpFetcher } from '../fetch/index.ts';
import { SystemResolver, TcpDialler } from '../net/index.ts';
import { fetchWhole } from './fetch-whole.ts';

const NO_BODY = Buffer.alloc(0);

/** What an `OwnClient` is made of. */
export interface OwnClientOptions {
  readonly wheel: TimerWheel;
  readonly log: Log;
  /** Counts its requests apart from those to origins. */
  readonly counters: OriginCounters;
  /** Names its requests in the log. */
  readonly id: string;
  /** Milliseconds until a response is complete. */
  readonly timeout: number;
  /** Bytes of the body of a response. */
  readonly maxBytes: number;
}

/** What became of a request. */
export interface Posted {
  /** 0: there was no response, or not the whole of it. */
  readonly status: number;
  readonly body: Buffer;
  /** Seconds that the receiver asks to wait (`Retry-After`); 0 where it does not. */
  readonly retryAfter: number;
  /** Why there was no response. */
  readonly reason: string;
}

/** Posts what the program has to tell of itself, to receivers that its configuration names. */
export class OwnClient {
  readonly #options: OwnClientOptions;
  readonly #client: HttpClient;
  readonly #fetcher: HttpFetcher;

  constructor(options: OwnClientOptions) {
    const { wheel, log, counters } = options;
    this.#options = options;
    const means = { wheel, log, counters, dialler: new TcpDialler({ resolver: new SystemResolver(), log }) };
    this.#client = new HttpClient({ ...means, limits: { current: DEFAULT_CLIENT_LIMITS } });
    const limits = { current: DEFAULT_WEBSOCKET_CLIENT_LIMITS };
    const opener = new WebSocketClient({ ...means, limits, compression: false });
    this.#fetcher = new HttpFetcher({ ...means, client: this.#client, opener, ipv4Only: false });
  }

  /** Sends a body. Redirects are not followed. @param done called once, and guarded by whoever gives it */
  post(uri: string, headers: HeaderList, body: Buffer, done: (posted: Posted) => void): void {
    const { id, timeout, maxBytes } = this.#options;
    fetchWhole(this.#fetcher, { id, method: 'POST', uri, headers, body, timeout, maxBytes }).then(
      (response) => {
        const retryAfter = parseRetryAfter(fieldValue(response.headers, 'retry-after'), Date.now()) ?? 0;
        done({ status: response.status, body: response.body, retryAfter, reason: '' });
      },
      ({ message }: Error) => done({ status: 0, body: NO_BODY, retryAfter: 0, reason: message }),
    );
  }

  close(): void {
    this.#client.close();
  }
}
