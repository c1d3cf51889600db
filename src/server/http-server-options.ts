import type { TimerWheel } from '../clock/index.ts';
import type {
  Current,
  ErrorResponse,
  ExchangeError,
  ExchangeObserver,
  Log,
  RawService,
  ServerCounters,
  Service,
  WebSocketService,
} from '../exchange/index.ts';
import type { RequestIdMode } from './request-ids.ts';
import type { ServerLimits } from './server-limits.ts';
import type { Tracing } from './tracing.ts';

/** What a server is made of. */
export interface HttpServerOptions {
  /** Handles the requests. */
  readonly service: Service;
  /** Handles the WebSockets. Default: null, Upgrade is ignored, and the request is handled as any other. */
  readonly webSocketService?: WebSocketService | null;
  /** Takes connections that begin with `@` or `<`. Default: null, and those are malformed HTTP. */
  readonly rawService?: RawService | null;
  /** Whether messages of WebSockets are compressed (permessage-deflate, RFC 7692) if the client offers it. Default: false. */
  readonly compression?: boolean;
  /** Whether pings of WebSockets get their pong here, and are not passed on. Default: false. */
  readonly autoPong?: boolean;
  /**
   * Whether connections that have not sent a whole request make room too when too many are open, the one that has taken longest first, and those with a head
   * last. Default: false, and only those between two requests do.
   */
  readonly endsUnheard?: boolean;
  /** May be replaced at any time: waiting connections keep their bounds, all others get the new ones. */
  readonly limits: Current<ServerLimits>;
  /** Bytes of input that may wait in all connections. Default: `MAX_UNREAD_BYTES`. */
  readonly maxUnreadBytes?: number;
  /** Bytes that may wait in all WebSockets whose clients take nothing. Default: `MAX_UNSENT_BYTES`. */
  readonly maxUnsentBytes?: number;
  /** What the ids of connections begin with, so that those of several processes differ. Default: nothing. */
  readonly idPrefix?: string;
  readonly wheel: TimerWheel;
  readonly counters: ServerCounters;
  readonly log: Log;
  /** Is told of each exchange at its end. Default: nobody is. */
  readonly observer?: Current<ExchangeObserver | null> | undefined;
  /** What becomes of X-Request-Id. Default: it passes as any other field. */
  readonly requestIds?: Current<RequestIds> | undefined;
  /** How requests take part in traces. Default: their fields pass as any other. */
  readonly tracing?: Current<Tracing | null> | undefined;
  /** The response to a request that the server itself refuses; by default the error's own face. */
  readonly describeError?: (error: ExchangeError) => ErrorResponse;
}

/** How requests get their ids. */
export interface RequestIds {
  readonly mode: RequestIdMode;
  /** Whether the client gets the id with its response. */
  readonly returned: boolean;
  /** What the ids that are made begin with. No other process has it, and no earlier start had. */
  readonly prefix: string;
}
