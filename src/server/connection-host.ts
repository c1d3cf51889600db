import type { Socket } from 'node:net';
import type { TimerWheel, TurnQueue } from '../clock/index.ts';
import type { HeaderBlocks } from '../codec/http1/index.ts';
import type {
  Counters,
  ErrorCode,
  ExchangeError,
  Log,
  ResponseHead,
  Service,
  WebSocketService,
} from '../exchange/index.ts';
import type { Connection } from './served-connection.ts';
import type { ServerLimits } from './server-limits.ts';

/** What a connection needs of the server that accepted it. */
export interface ConnectionHost {
  readonly service: Service;
  /** Null: nobody is there for WebSockets, and an Upgrade is ignored. */
  readonly webSocketService: WebSocketService | null;
  /** Whether messages of WebSockets are compressed if the client offers it. */
  readonly compression: boolean;
  /** Whether pings are answered here, in place of the answering side. */
  readonly answerPings: boolean;
  readonly limits: ServerLimits;
  /** The field lines of recent requests. */
  readonly headerBlocks: HeaderBlocks;
  readonly wheel: TimerWheel;
  readonly counters: Counters;
  readonly log: Log;
  /** Whether the server is shutting down: connections end with their present answer. */
  readonly draining: boolean;
  /** The answer for a request that the server refuses by itself. */
  readonly describeError: (error: ExchangeError) => { head: ResponseHead; body: Buffer };
  /** Calls `onDrain` of whoever has `socket` then, once it has taken what it was given. Few sockets ever need it. */
  onceDrained(socket: Socket): void;
  /** Has what is added called at the end of this turn of the event loop. */
  readonly turn: TurnQueue;
  /** Whether connections wait for their turn: those that are served end after their present response. */
  readonly crowded: boolean;
  /** Answers a connection that has had no turn with an error, and ends it. */
  refuse(socket: Socket, code: ErrorCode): void;
  /** Lets `connection` have `socket` from now on. */
  replace(socket: Socket, connection: Connection): void;
}
