import { type TimerWheel, TurnQueue } from '../clock/index.ts';
import type { Current, Log, OriginCounters, WebSocketRequester, WebSocketResponder } from '../exchange/index.ts';
import type { Dialler } from '../net/index.ts';
import type { FetchRequest } from './fetch-request.ts';
import { http1LimitsOf } from './http1-limits-of.ts';
import { OriginWebSocket } from './origin-websocket.ts';
import type { WebSocketHop, WebSocketOpener } from './websocket-opener.ts';
import type { WebSocketClientLimits, WebSocketContext } from './websocket-options.ts';

/** Dependencies of a client. */
export interface WebSocketClientOptions {
  readonly dialler: Dialler;
  readonly wheel: TimerWheel;
  readonly counters: OriginCounters;
  readonly log: Log;
  readonly limits: Current<WebSocketClientLimits>;
  /** Whether permessage-deflate (RFC 7692) is offered. */
  readonly compression: boolean;
}

/** Opens WebSockets to origins (RFC 6455 §4.1), each on a connection of its own. */
export class WebSocketClient implements WebSocketOpener {
  readonly #options: WebSocketClientOptions;
  readonly #turn = new TurnQueue();
  #context: WebSocketContext;

  constructor(options: WebSocketClientOptions) {
    this.#options = options;
    this.#context = this.#newContext(options.limits.current);
  }

  open(hop: WebSocketHop, request: Pick<FetchRequest, 'credits'>, requester: WebSocketRequester): WebSocketResponder {
    const limits = this.#options.limits.current;
    if (limits !== this.#context.limits) this.#context = this.#newContext(limits);
    const exchange = new OriginWebSocket(this.#context, hop, request.credits, requester);
    exchange.start();
    return exchange;
  }

  #newContext(limits: WebSocketClientLimits): WebSocketContext {
    return { ...this.#options, limits, http1Limits: http1LimitsOf(limits), turn: this.#turn };
  }
}
