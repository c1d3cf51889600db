import { type TimerWheel, TurnQueue } from '../clock/index.ts';
import { DEFAULT_LIMITS } from '../codec/http1/index.ts';
import type { Log, OriginCounters, WebSocketRequester, WebSocketResponder } from '../exchange/index.ts';
import type { Dialler } from '../net/index.ts';
import type { FetchRequest } from './fetch-request.ts';
import { OriginWebSocket } from './origin-websocket.ts';
import type { WebSocketHop, WebSocketOpener } from './websocket-opener.ts';
import type { WebSocketClientLimits, WebSocketContext } from './websocket-options.ts';

/** Dependencies of a client. */
export interface WebSocketClientOptions {
  readonly dialler: Dialler;
  readonly wheel: TimerWheel;
  readonly counters: OriginCounters;
  readonly log: Log;
  readonly limits: WebSocketClientLimits;
  /** Whether permessage-deflate (RFC 7692) is offered. */
  readonly compression: boolean;
}

/** Opens WebSockets to origins (RFC 6455 §4.1), each on a connection of its own. */
export class WebSocketClient implements WebSocketOpener {
  readonly #context: WebSocketContext;

  constructor(options: WebSocketClientOptions) {
    const { limits } = options;
    this.#context = {
      ...options,
      http1Limits: {
        ...DEFAULT_LIMITS,
        maxHeadBytes: limits.maxResponseHeaderBytes,
        maxHeaders: limits.maxResponseHeaders,
        lenientLineEnds: limits.lenientLineEnds,
      },
      turn: new TurnQueue(),
    };
  }

  open(hop: WebSocketHop, request: Pick<FetchRequest, 'credits'>, requester: WebSocketRequester): WebSocketResponder {
    const exchange = new OriginWebSocket(this.#context, hop, request.credits, requester);
    exchange.start();
    return exchange;
  }
}
