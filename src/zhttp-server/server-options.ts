import type { TimerWheel } from '../clock/index.ts';
import type { ZhttpLimits } from '../codec/zhttp/index.ts';
import type { Current, ExchangeObserver, Log } from '../exchange/index.ts';
import type { Tracing } from '../server/index.ts';
import type { SessionCounters } from '../zhttp/index.ts';
import type { ZmqCounters } from '../zmq/index.ts';
import type { ServerTarget } from './server-target.ts';

/** The three endpoints of stream mode, named from this side. */
export interface ServerEndpoints {
  /** First packets come in here (PULL). */
  readonly in: string;
  /** All further packets come in here (ROUTER, whose routing id is our address). */
  readonly inStream: string;
  /** Responses leave here (PUB). */
  readonly out: string;
}

/**
 * How the server half of ZHTTP works. Times in milliseconds. The bounds `maxOpenRequests`, `maxBodyBytes`, `activityTimeout` and `limits` are read
 * whenever they matter, so they may be getters.
 */
export interface ZhttpServerOptions {
  /** What requesters call us: 1 to 64 bytes without a space. */
  readonly address: string;
  readonly stream: readonly ServerEndpoints[];
  /** Endpoints of req mode (ROUTER). */
  readonly req: readonly string[];
  /** Connects to all endpoints, which the requesters bind then. */
  readonly connect: boolean;
  /** Permission bits of socket files; null leaves them to the umask. */
  readonly ipcFileMode: number | null;
  /** High-water marks, in messages: what waits from one requester, and for one. */
  readonly inHwm: number;
  readonly outHwm: number;
  /** Requests at the same time. At the bound no more are read, so that requesters wait. `Infinity`: no bound. */
  readonly maxOpenRequests: number;
  /** Bytes that a requester is granted of a request body, or of what it sends on a WebSocket. */
  readonly bufferSize: number;
  /** Bytes of a response body that goes out in one packet. A larger one fails. */
  readonly maxBodyBytes: number;
  /** A stream or WebSocket whose requester is silent for so long is aborted. The requester gets a keep-alive after half of it. */
  readonly sessionTimeout: number;
  /** A request in which no bytes of a body or message move for so long fails with `session-timeout`; `Infinity`: never. */
  readonly activityTimeout: number;
  /** Condition of the error when a request took too long; absent: `session-timeout`. Condure: `connection-timeout`. */
  readonly timeoutCondition?: string;
  /** Sends no packet for a WebSocket before the origin's response, as Zurl. Absent: a keep-alive comes at once, as from Condure. */
  readonly quietWebSockets?: boolean;
  /** Text messages of a WebSocket have the content-type `text`, as Condure's. Absent: they have none, as Zurl's. */
  readonly namesText?: boolean;
  /** Logs requests at the level debug only, for a target that has a log of its own. */
  readonly quiet?: boolean;
  /**
   * How long a request waits for the subscription of its requester, which connects by several sockets in any order; absent: not at all, as with
   * Zurl.
   */
  readonly subscriptionPatience?: number;
  /** Bounds of the packets of requesters. */
  readonly limits: ZhttpLimits;
  readonly target: ServerTarget;
  readonly wheel: TimerWheel;
  readonly counters: SessionCounters;
  readonly zmqCounters: ZmqCounters;
  readonly log: Log;
  /** Is told of each exchange at its end. Absent: nobody is. */
  readonly observer?: Current<ExchangeObserver | null>;
  /** How requests take part in traces. Absent: their fields pass as any other. */
  readonly tracing?: Current<Tracing | null>;
}
