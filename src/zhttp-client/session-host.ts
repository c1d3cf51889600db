import type { Part } from '../codec/zmtp/index.ts';
import type { Log } from '../exchange/index.ts';
import type { BridgeCounters } from '../zhttp/index.ts';

/** What the edge needs of a session that calls it. */
export interface HostedSession {
  readonly id: string;
  /** Grants the handler what has been taken since the last time. */
  sendCredit(): void;
}

/** What sessions need of the edge that they belong to. */
export interface SessionHost {
  /** What handlers call us. */
  readonly address: string;
  /** Bytes that a handler may send at first. */
  readonly initialCredits: number;
  /** Bytes that are granted without delay. */
  readonly creditThreshold: number;
  /** Milliseconds between two signs of life to a handler. */
  readonly keepAliveInterval: number;
  /** Whether handlers are asked to answer by the ROUTER socket. */
  readonly routerResp: boolean;
  /** Milliseconds of the wheel's clock. */
  readonly now: number;
  readonly counters: BridgeCounters;
  readonly log: Log;
  route(address: string, packet: Part): void;
  /** Calls `sendCredit` of the session soon. */
  oweCredit(session: HostedSession): void;
  /** The session is over while no handler has been heard of. Returns whether it is certain that none has the request. */
  withdraw(session: HostedSession): boolean;
  ended(session: HostedSession): void;
}
