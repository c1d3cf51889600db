import type { TimerWheel } from '../clock/index.ts';
import type { Log } from '../exchange/index.ts';
import type { SessionCounters } from '../zhttp/index.ts';
import type { ZmqCounters } from '../zmq/index.ts';

/** What every link to handlers over ZeroMQ is made of. Times in milliseconds. */
export interface ZmqLinkOptions {
  /** Connects to the endpoints, which handlers bind. */
  readonly connect: boolean;
  /** Permission bits of socket files; null leaves them to the umask. */
  readonly ipcFileMode: number | null;
  /** How long a request waits for a handler to take it. */
  readonly backendTimeout: number;
  /** Bytes that a message of a handler may have. A handler that sends more is cut off. */
  readonly maxMessageBytes: number;
  readonly wheel: TimerWheel;
  readonly zmqCounters: ZmqCounters;
  readonly counters: SessionCounters;
  readonly log: Log;
}

/** Milliseconds between two looks at what waits. */
export const LINK_TICK = 100;
