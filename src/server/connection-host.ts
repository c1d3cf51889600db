import type { Socket } from 'node:net';
import type { TimerWheel, TurnQueue } from '../clock/index.ts';
import type {
  ErrorCode,
  ErrorResponse,
  ExchangeError,
  ExchangeObserver,
  HeldTotal,
  Log,
  RawService,
  ServerCounters,
  Service,
  WebSocketService,
} from '../exchange/index.ts';
import type { RequestIds } from './http-server-options.ts';
import type { Connection } from './served-connection.ts';
import type { ServerLimits } from './server-limits.ts';
import type { Tracing } from './tracing.ts';
import type { UnreadBudget } from './unread-budget.ts';

/** What a connection needs of the server that accepted it. */
export interface ConnectionHost {
  readonly service: Service;
  /** Null: there is no service for WebSockets, and Upgrade is ignored. */
  readonly webSocketService: WebSocketService | null;
  /** Takes connections that begin with `@` or `<`; null if those are malformed HTTP. */
  readonly rawService: RawService | null;
  /** Whether messages of WebSockets are compressed if the client offers it. */
  readonly compression: boolean;
  /** Whether pings get their pong here, instead of from the responder. */
  readonly autoPong: boolean;
  readonly limits: ServerLimits;
  /** Is told of each exchange at its end; null for nobody. */
  readonly observer: ExchangeObserver | null;
  readonly requestIds: RequestIds;
  /** How requests take part in traces; null: their fields pass as any other. */
  readonly tracing: Tracing | null;
  /** What waits unread in all connections. */
  readonly unread: UnreadBudget;
  /** What waits in all WebSockets whose clients take nothing. */
  readonly unsent: HeldTotal;
  readonly wheel: TimerWheel;
  readonly counters: ServerCounters;
  readonly log: Log;
  /** Whether the server is shutting down: connections end after their present response. */
  readonly draining: boolean;
  /**
   * Whether another process accepts from now on: connections end after the response to their next request, and WebSockets with 1012,
   * a restart of the service (the registry of RFC 6455 §11.7).
   */
  readonly retired: boolean;
  /** The response to a request that the server itself refuses. */
  readonly describeError: (error: ExchangeError) => ErrorResponse;
  /** Calls `onDrain` of the connection that owns `socket`, once it has taken what it was given. Few sockets ever need it. */
  onceDrained(socket: Socket): void;
  /** Has what is added called at the end of this turn of the event loop. */
  readonly turn: TurnQueue;
  /** The same at the end of the present call of the event loop. */
  readonly call: TurnQueue;
  /** Whether connections wait for their turn: those that are served end after their present response. */
  readonly crowded: boolean;
  /** Gives the turn of `socket` to another one once all that was written to it has left, followed by the FIN. */
  onceEnded(socket: Socket): void;
  /** Responds to the connection of `socket`, which has had no turn, with an error, and ends it. */
  refuse(socket: Socket, code: ErrorCode): void;
  /** Lets `connection` have `socket` from now on. */
  replace(socket: Socket, connection: Connection): void;
}
