import type { TimerWheel } from '../clock/index.ts';
import { DEFAULT_LIMITS, type Http1Limits } from '../codec/http1/index.ts';
import type { Counters, Log, Requester, RequestHead, Responder } from '../exchange/index.ts';
import type { Dialler } from '../net/index.ts';
import { ConnectionPool } from './connection-pool.ts';
import type { Origin } from './origin.ts';
import { type ExchangeContext, OriginExchange } from './origin-exchange.ts';

/** Bounds of exchanges with origins. Times in seconds, fractions allowed, as coarse as the wheel. */
export interface HttpClientLimits {
  /** Until the connection is open, name resolution and TLS included; 0 for no bound but the system's. */
  readonly connectTimeout: number;
  /** From the end of the request until the head of the response is complete; 0 for none. */
  readonly responseTimeout: number;
  /** Between two parts of a response body, and for each window of a request body to be taken; 0 for none. */
  readonly bodyTimeout: number;
  /** How long a connection waits for its next request; 0 closes each after its response. */
  readonly poolIdleTimeout: number;
  /** Waiting connections per origin; 0 closes each after its response. */
  readonly poolMaxIdle: number;
  /**
   * Waiting connections to all origins; 0 closes each after its response.
   * @bound origin-idle-connections
   */
  readonly poolMaxTotal: number;
  /** Age at which a connection gets no further request, so that changes in the DNS are noticed; 0 for no bound. */
  readonly connectionMaxTime: number;
  /** Bytes of a response head, and of the trailers behind a body. */
  readonly maxResponseHeaderBytes: number;
  /** Fields of a response head, and of the trailers behind a body. */
  readonly maxResponseHeaders: number;
  /** Accepts heads whose lines end in LF alone. */
  readonly lenientLineEnds: boolean;
}

export const DEFAULT_CLIENT_LIMITS: HttpClientLimits = {
  connectTimeout: 10,
  responseTimeout: 0,
  bodyTimeout: 0,
  poolIdleTimeout: 55,
  poolMaxIdle: 256,
  poolMaxTotal: 2_048,
  connectionMaxTime: 7_200,
  maxResponseHeaderBytes: 65_536,
  maxResponseHeaders: DEFAULT_LIMITS.maxHeaders,
  lenientLineEnds: false,
};

/** What a client is built from. */
export interface HttpClientOptions {
  readonly dialler: Dialler;
  readonly wheel: TimerWheel;
  readonly counters: Counters;
  readonly log: Log;
  readonly limits: HttpClientLimits;
}

/** Sends requests to origins over HTTP/1.1, on persistent connections. */
export class HttpClient {
  readonly #context: ExchangeContext;

  constructor(options: HttpClientOptions) {
    const { dialler, wheel, counters, log, limits } = options;
    const http1Limits: Http1Limits = {
      ...DEFAULT_LIMITS,
      maxHeadBytes: limits.maxResponseHeaderBytes,
      maxHeaders: limits.maxResponseHeaders,
      lenientLineEnds: limits.lenientLineEnds,
    };
    this.#context = {
      pool: new ConnectionPool({
        dialler,
        wheel,
        counters,
        log,
        http1Limits,
        idleTimeout: limits.poolIdleTimeout * 1_000,
        maxAge: limits.connectionMaxTime * 1_000,
        maxIdle: limits.poolMaxIdle,
        maxTotal: limits.poolMaxTotal,
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
   * Sends `request` to `origin`; the response comes to `requester`, or an error: HF_ORIGIN_UNREACHABLE, HF_ORIGIN_CONNECT_TIMEOUT,
   * HF_POLICY_VIOLATION, HF_ORIGIN_TLS, HF_ORIGIN_TIMEOUT, HF_ORIGIN_CLOSED, HF_ORIGIN_PROTOCOL, HF_ORIGIN_TRUNCATED, or
   * HF_INTERNAL when the request itself is not fit to be sent. Before this returns HF_INTERNAL may come, and the first credit for a
   * request body.
   */
  send(origin: Origin, request: RequestHead, requester: Requester): Responder {
    const exchange = new OriginExchange(this.#context, origin, request, requester);
    exchange.start();
    return exchange;
  }

  /** Closes the idle connections. Exchanges go on, and each closes its connection at its end. */
  close(): void {
    this.#context.pool.close();
  }
}
