import { type TimerWheel, TurnQueue } from '../clock/index.ts';
import { DEFAULT_LIMITS, type Http1Limits } from '../codec/http1/index.ts';
import type { Current, Log, OriginCounters, Requester, RequestHead, Responder } from '../exchange/index.ts';
import type { Dialler } from '../net/index.ts';
import { ConnectionPool, type ConnectionPoolOptions } from './connection-pool.ts';
import { http1LimitsOf } from './http1-limits-of.ts';
import type { Origin } from './origin.ts';
import { type ExchangeContext, OriginExchange } from './origin-exchange.ts';

/** Limits of exchanges with origins. Times in seconds, fractions allowed, to the resolution of the wheel. */
export interface HttpClientLimits {
  /** Time to open a connection, name resolution and TLS included; 0 for the system's limit only. */
  readonly connectTimeout: number;
  /** From the end of the request until the response head is complete; 0 for no limit. */
  readonly responseTimeout: number;
  /** Between two parts of a response body, and for the origin to accept each window of a request body; 0 for no limit. */
  readonly bodyTimeout: number;
  /** How long an idle connection is kept; 0 closes each after its response. */
  readonly poolIdleTimeout: number;
  /** Idle connections per origin; 0 closes each after its response. */
  readonly poolMaxIdle: number;
  /**
   * Idle connections to all origins; 0 closes each after its response.
   * @bound origin-idle-connections
   */
  readonly poolMaxTotal: number;
  /** Age after which a connection gets no more requests, so that DNS changes are noticed; 0 for no limit. */
  readonly connectionMaxTime: number;
  /** Bytes of a response head, and of the trailers after a body. */
  readonly maxResponseHeaderBytes: number;
  /** Fields of a response head, and of the trailers after a body. */
  readonly maxResponseHeaders: number;
  /** Accept heads whose lines end in a bare LF. */
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

/** Dependencies of a client. */
export interface HttpClientOptions {
  readonly dialler: Dialler;
  readonly wheel: TimerWheel;
  readonly counters: OriginCounters;
  readonly log: Log;
  /** Read for each request: requests that are under way, and open connections, keep those with which they began. */
  readonly limits: Current<HttpClientLimits>;
}

/** Sends requests to origins over HTTP/1.1, on persistent connections. */
export class HttpClient {
  readonly #options: HttpClientOptions;
  readonly #pool: ConnectionPool;
  readonly #turn = new TurnQueue();
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
   * Sends `request` to `origin`. The response goes to `requester`, or an error: HF_ORIGIN_UNREACHABLE, HF_ORIGIN_CONNECT_TIMEOUT,
   * HF_POLICY_VIOLATION, HF_ORIGIN_TLS, HF_ORIGIN_TIMEOUT, HF_ORIGIN_CLOSED, HF_ORIGIN_PROTOCOL, HF_ORIGIN_TRUNCATED, or HF_INTERNAL if the
   * request itself cannot be sent. HF_INTERNAL, and the first credit for a request body, may come before this returns.
   */
  send(origin: Origin, request: RequestHead, requester: Requester): Responder {
    const limits = this.#options.limits.current;
    if (limits !== this.#limits) this.#replaceLimits(limits);
    const exchange = new OriginExchange(this.#context, origin, request, requester);
    exchange.start();
    return exchange;
  }

  /** Closes the idle connections. Running exchanges continue, and each closes its connection at its end. */
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
      turn: this.#turn,
      counters,
      log,
      http1Limits,
      connectTimeout: connectTimeout * 1_000,
      responseTimeout: responseTimeout * 1_000,
      bodyTimeout: bodyTimeout * 1_000,
    };
  }
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
