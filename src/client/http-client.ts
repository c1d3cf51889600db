import { DEFAULT_LIMITS, type Http1Limits } from '../codec/http1/index.ts';
import type { Counters, Log, Requester, RequestHead, Responder } from '../exchange/index.ts';
import type { TimerWheel } from '../net/index.ts';
import { ConnectionPool } from './connection-pool.ts';
import type { Origin } from './origin-connection.ts';
import { type ExchangeContext, OriginExchange } from './origin-exchange.ts';

/** Bounds of exchanges with origins; the configuration has the defaults. Times in seconds, fractions allowed, as coarse as the wheel. */
export interface HttpClientLimits {
  /** Until the connection stands, name resolution included; 0 for no bound but the system's. */
  readonly connectTimeout: number;
  /** From the end of the request until the head of the response is complete; 0 for none. */
  readonly responseTimeout: number;
  /** Between two parts of a response body, and for each window of a request body to be taken; 0 for none. */
  readonly bodyTimeout: number;
  /** That a connection waits for its next request; 0 closes each after its response. */
  readonly poolIdleTimeout: number;
  /** Waiting connections per origin; 0 closes each after its response. */
  readonly poolMaxIdle: number;
  /** Bytes of a response head, and of the trailers behind a body. */
  readonly maxResponseHeaderBytes: number;
}

/** What a client is built from. */
export interface HttpClientOptions {
  readonly wheel: TimerWheel;
  readonly counters: Counters;
  readonly log: Log;
  readonly limits: HttpClientLimits;
}

/** Sends requests to origins over HTTP/1.1, on persistent connections. */
export class HttpClient {
  readonly #context: ExchangeContext;

  constructor(options: HttpClientOptions) {
    const { wheel, counters, log, limits } = options;
    const http1Limits: Http1Limits = { ...DEFAULT_LIMITS, maxHeadBytes: limits.maxResponseHeaderBytes };
    this.#context = {
      pool: new ConnectionPool({
        wheel,
        log,
        http1Limits,
        idleTimeout: limits.poolIdleTimeout * 1_000,
        maxIdle: limits.poolMaxIdle,
      }),
      counters,
      log,
      http1Limits,
      connectTimeout: limits.connectTimeout * 1_000,
      responseTimeout: limits.responseTimeout * 1_000,
      bodyTimeout: limits.bodyTimeout * 1_000,
    };
  }

  /**
   * Sends `request` to `origin`; the answer comes to `requester`, perhaps before this returns, or an error: HF_ORIGIN_UNREACHABLE,
   * HF_ORIGIN_CONNECT_TIMEOUT, HF_ORIGIN_TIMEOUT, HF_ORIGIN_CLOSED, HF_ORIGIN_PROTOCOL, HF_ORIGIN_TRUNCATED, or HF_INTERNAL when
   * the request itself is not fit to be sent.
   */
  send(origin: Origin, request: RequestHead, requester: Requester): Responder {
    const exchange = new OriginExchange(this.#context, origin, request, requester);
    exchange.start();
    return exchange;
  }

  /** Closes the waiting connections. Exchanges go on, and each closes its connection after it. */
  close(): void {
    this.#context.pool.close();
  }
}
