import type { TimerWheel } from '../clock/index.ts';
import { DEFAULT_LIMITS, type ZmtpLimits } from '../codec/zmtp/index.ts';
import type { Log } from '../exchange/index.ts';
import type { ZmqCounters } from './zmq-counters.ts';
import { ZmqError } from './zmq-error.ts';

/** What sockets are built from. */
export interface ZmqContext {
  readonly wheel: TimerWheel;
  readonly counters: ZmqCounters;
  readonly log: Log;
}

/** How a socket behaves. Times are in milliseconds, to the resolution of the timer wheel. */
export interface ZmqOptions extends ZmtpLimits {
  /** The routing id that a ROUTER uses for us: up to 255 bytes, the first not zero; empty lets the ROUTER choose. For REQ, DEALER and ROUTER. */
  readonly routingId: Buffer;
  /** Messages that may wait for one peer beyond those on their way; 0 for no limit. */
  readonly sendHwm: number;
  /**
   * Bytes of messages that wait for one peer, those in its socket included. Below the mark a message is taken whole.
   * @bound zmq-send
   */
  readonly sendBytes: number;
  /** Messages taken from one peer while the socket is paused; 0 for no limit. */
  readonly receiveHwm: number;
  /**
   * Bytes of messages taken from one peer while the socket is paused.
   * @bound zmq-receive
   */
  readonly receiveBytes: number;
  /**
   * Bytes held for all peers of the sockets that share their counters: see `ZmqCounters.bytesHeld`. No peer may hold more than what is left of
   * them, but always 64 KiB.
   * @bound zmq-total
   */
  readonly totalBytes: number;
  /** Time that `close` waits for unsent messages to leave; 0 drops them, `Infinity` waits forever. */
  readonly linger: number;
  /** ROUTER only: `send` returns false when a message cannot be routed, instead of dropping it. */
  readonly mandatory: boolean;
  /** PUSH, DEALER and REQ: messages never wait for a peer that is not connected yet (libzmq's ZMQ_IMMEDIATE). */
  readonly immediate: boolean;
  /** Time between two PINGs to a peer that speaks ZMTP 3.1; 0 for none. */
  readonly heartbeatInterval: number;
  /** Time after a PING within which the peer must send something. */
  readonly heartbeatTimeout: number;
  /** Time before the second attempt to connect; each further one waits twice as long, less a random part. At least 1. */
  readonly reconnectInterval: number;
  /** Longest wait between two attempts; a value below `reconnectInterval` counts as `reconnectInterval`. */
  readonly reconnectMax: number;
  /** Time for a connection to be established and its handshake completed; 0 for no limit. */
  readonly handshakeTimeout: number;
  /** Connections that a socket accepts at the same time. */
  readonly maxPeers: number;
  /** Topics that one peer may subscribe to. */
  readonly maxSubscriptions: number;
  /**
   * Bytes of the topics of one subscriber; each counts as at least 256.
   * @bound zmq-topics
   */
  readonly maxTopicsBytes: number;
  /** Bytes of one topic. */
  readonly maxTopicBytes: number;
  /** Permission bits of the socket files of `ipc://` endpoints; null leaves them to the umask. */
  readonly ipcMode: number | null;
}

export const DEFAULT_OPTIONS: ZmqOptions = {
  ...DEFAULT_LIMITS,
  routingId: Buffer.alloc(0),
  sendHwm: 1_000,
  sendBytes: 16_777_216,
  receiveHwm: 1_000,
  receiveBytes: 16_777_216,
  totalBytes: 268_435_456,
  linger: 1_000,
  mandatory: false,
  immediate: false,
  heartbeatInterval: 0,
  heartbeatTimeout: 10_000,
  reconnectInterval: 100,
  reconnectMax: 5_000,
  handshakeTimeout: 30_000,
  maxPeers: 10_000,
  maxSubscriptions: 10_000,
  maxTopicsBytes: 4_194_304,
  maxTopicBytes: 1_024,
  ipcMode: null,
};

/** Bytes of an identity (RFC 28). */
export const MAX_ROUTING_ID_BYTES = 255;

/** Whether `id` can be a name that a peer chose for itself (RFC 28: names that start with zero are the ROUTER's to assign). */
export function isRoutingId(id: Buffer): boolean {
  return id.length <= MAX_ROUTING_ID_BYTES && id[0] !== 0;
}

/**
 * The options, with defaults for those not given.
 * @throws ZmqError `option` when one is out of range
 */
export function resolveOptions(given: Partial<ZmqOptions>): ZmqOptions {
  const options = { ...DEFAULT_OPTIONS, ...given };
  if (!isRoutingId(options.routingId))
    throw new ZmqError('option', 'routingId: must be at most 255 bytes, the first not zero');
  check('sendHwm', options.sendHwm, 0);
  check('receiveHwm', options.receiveHwm, 0);
  check('sendBytes', options.sendBytes, 1);
  check('receiveBytes', options.receiveBytes, 1);
  check('totalBytes', options.totalBytes, 1);
  check('linger', options.linger, 0);
  check('heartbeatInterval', options.heartbeatInterval, 0);
  check('heartbeatTimeout', options.heartbeatTimeout, 1);
  check('reconnectInterval', options.reconnectInterval, 1);
  check('reconnectMax', options.reconnectMax, 0);
  check('handshakeTimeout', options.handshakeTimeout, 0);
  check('maxMessageBytes', options.maxMessageBytes, 0);
  check('maxParts', options.maxParts, 1);
  check('maxPeers', options.maxPeers, 1);
  check('maxSubscriptions', options.maxSubscriptions, 1);
  check('maxTopicsBytes', options.maxTopicsBytes, 0);
  check('maxTopicBytes', options.maxTopicBytes, 0);
  return options;
}

function check(name: string, value: number, least: number): void {
  if (!(value >= least)) throw new ZmqError('option', `${name}: must be at least ${least}, got ${value}`);
}
