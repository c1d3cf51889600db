import type { TimerWheel } from '../clock/index.ts';
import { DEFAULT_LIMITS, type Http1Limits } from '../codec/http1/index.ts';
import type { Counters, Current, Log, Requester, RequestHead, Responder } from '../exchange/index.ts';
import type { Dialler } from '../net/index.ts';
import { ConnectionPool, type ConnectionPoolOptions } from './connection-pool.ts';
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
  /** Read for each request: requests that are under way, and open connections, keep those with which they began. */
  readonly limits: Current<HttpClientLimits>;
}

/** Sends requests to origins over HTTP/1.1, on persistent connections. */
export class HttpClient {
  readonly #options: HttpClientOptions;
  readonly #pool: ConnectionPool;
  #limits: HttpClientLimits;
  #context: ExchangeContext;

  constructor(options: HttpClientOptions) {
    this.#options = options;
    this.#limits = options.limits.current;
    const http1Limits = http1LimitsOf(this.#limits);
    this.#pool = new ConnectionPool(poolOptions(options, this.#limits, http1Limits));
    this.#context = this.#newContext(http1Limits);
  }

  /**
   * Sends `request` to `origin`; the response comes to `requester`, or an error: HF_ORIGIN_UNREACHABLE, HF_ORIGIN_CONNECT_TIMEOUT,
   * HF_POLICY_VIOLATION, HF_ORIGIN_TLS, HF_ORIGIN_TIMEOUT, HF_ORIGIN_CLOSED, HF_ORIGIN_PROTOCOL, HF_ORIGIN_TRUNCATED, or
   * HF_INTERNAL when the request itself is not fit to be sent. Before this returns HF_INTERNAL may come, and the first credit for a
   * request body.
   */
  send(origin: Origin, request: RequestHead, requester: Requester): Responder {
    const limits = this.#options.limits.current;
    if (limits !== this.#limits) this.#replaceLimits(limits);
    const exchange = new OriginExchange(this.#context, origin, request, requester);
    exchange.start();
    return exchange;
  }

  /** Closes the idle connections. Exchanges go on, and each closes its connection at its end. */
  close(): void {
    this.#pool.close();
  }

  #replaceLimits(limits: HttpClientLimits): void {
    const http1Limits = http1LimitsOf(limits);
    this.#limits = limits;
    this.#pool.configure(poolOptions(this.#options, limits, http1Limits));
    this.#context = this.#newContext(http1Limits);
  }

  #newContext(http1Limits: Http1Limits): ExchangeContext {
    const { counters, log } = this.#options;
    const { connectTimeout, responseTimeout, bodyTimeout } = this.#limits;
    return {
      pool: this.#pool,
      counters,
      log,
      http1Limits,
      connectTimeout: connectTimeout * 1_000,
      responseTimeout: responseTimeout * 1_000,
      bodyTimeout: bodyTimeout * 1_000,
    };
  }
}

function http1LimitsOf(limits: HttpClientLimits): Http1Limits {
  return {
    ...DEFAULT_LIMITS,
    maxHeadBytes: limits.maxResponseHeaderBytes,
    maxHeaders: limits.maxResponseHeaders,
    lenientLineEnds: limits.lenientLineEnds,
  };
}

function poolOptions(
  { dialler, wheel, counters, log }: HttpClientOptions,
  limits: HttpClientLimits,
  http1Limits: Http1Limits,
): ConnectionPoolOptions {
  return {
    dialler,
    wheel,
    counters,
    log,
    http1Limits,
    idleTimeout: limits.poolIdleTimeout * 1_000,
    maxAge: limits.connectionMaxTime * 1_000,
    maxIdle: limits.poolMaxIdle,
    maxTotal: limits.poolMaxTotal,
  };
}
