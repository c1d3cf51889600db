import type { Fetcher } from '../client/index.ts';
import type { TimerWheel } from '../clock/index.ts';
import type { ZhttpLimits } from '../codec/zhttp/index.ts';
import type { Log } from '../exchange/index.ts';
import type { Guard } from '../net/index.ts';
import type { BridgeCounters } from '../zhttp/index.ts';
import type { ZmqCounters } from '../zmq/index.ts';

/** The three endpoints of stream mode, named as seen from here. */
export interface ServerEndpoints {
  /** First packets come in by it (PULL). */
  readonly in: string;
  /** All further packets come in by it (ROUTER, whose routing id is our address). */
  readonly inStream: string;
  /** What is answered leaves by it (PUB). */
  readonly out: string;
}

/** How requests of others are made for them. Times in milliseconds. */
export interface ZhttpServerOptions {
  /** What the requesters call us: 1 to 64 bytes without a space. */
  readonly address: string;
  readonly stream: readonly ServerEndpoints[];
  /** Endpoints of req mode (ROUTER). */
  readonly req: readonly string[];
  /** Connects to all endpoints, which the requesters bind then. */
  readonly connect: boolean;
  /** Permission bits of socket files; null leaves them to the umask. */
  readonly ipcFileMode: number | null;
  /** High-water marks, in messages: what waits of one requester, and for one. */
  readonly inHwm: number;
  readonly outHwm: number;
  /** Requests at the same time; with so many no more are read, so that the requesters wait. `Infinity`: no bound. */
  readonly maxOpenRequests: number;
  /** Bytes that a requester is granted of a request body, or of what it sends on a WebSocket; also the size of a WebSocket frame. */
  readonly bufferSize: number;
  /** Bytes of a response body that is answered in one packet; a larger one fails. */
  readonly maxBodyBytes: number;
  /** A stream or WebSocket whose requester is silent for so long is aborted; the requester gets a sign of life after half of it. */
  readonly sessionTimeout: number;
  /** A request in which no bytes of a body or message move for so long fails with `session-timeout`; `Infinity`: never. */
  readonly activityTimeout: number;
  /** A whole HTTP request, its answer included, fails after so long, or earlier if it says so itself; absent: only if it says so. */
  readonly requestTimeout?: number;
  /** Condition of the error when a request took too long, silent or as a whole; absent: `session-timeout`. Condure: `connection-timeout`. */
  readonly timeoutCondition?: string;
  /** Which requests are allowed; null: all. */
  readonly guard: Guard | null;
  /** Whether `ignore-policies` of a request is obeyed. */
  readonly obeyIgnorePolicies: boolean;
  /** Whether compressed responses are asked for and decompressed. */
  readonly decompress: boolean;
  /** Bounds of the packets of requesters. */
  readonly limits: ZhttpLimits;
  readonly fetcher: Fetcher;
  readonly wheel: TimerWheel;
  readonly counters: BridgeCounters;
  readonly zmqCounters: ZmqCounters;
  readonly log: Log;
}
