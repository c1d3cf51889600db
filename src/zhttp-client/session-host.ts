import type { Part } from '../codec/zmtp/index.ts';
import type { ByteHolder, HeldTotal, Log, RequestHead } from '../exchange/index.ts';
import type { Reach, SessionCounters } from '../zhttp/index.ts';
import type { StalledSession } from './stalled-sessions.ts';

/** What the client half needs of a session that calls it. */
export interface HostedSession extends StalledSession, ByteHolder {
  readonly id: string;
  /** Grants the handler what it is owed, unless more has been added since the last call: then it returns false, to be called again. */
  settleCredit(): boolean;
}

/** What sessions need of the client half that they belong to. */
export interface SessionHost {
  /** What handlers call us. */
  readonly address: string;
  /** Bytes that a handler may send at first. */
  readonly initialCredits: number;
  /** Bytes that are granted without delay. */
  readonly creditThreshold: number;
  /** Milliseconds between two keep-alives to a handler. */
  readonly keepAliveInterval: number;
  /** Whether handlers stand for origins; see `StreamClientOptions`. */
  readonly origins: boolean;
  /** Whether handlers may undo content codings; see `StreamClientOptions`. */
  readonly decoding: boolean;
  /** Milliseconds of the wheel's clock. */
  readonly now: number;
  readonly counters: SessionCounters;
  readonly log: Log;
  /** What the handler of that address takes at present. */
  reach(address: string): Reach;
  route(address: string, packet: Part): void;
  /** Calls `sendHeld` of the session once the handler of that address takes data. */
  stall(session: HostedSession, address: string): void;
  /** It is not to be called any more. */
  unstall(session: HostedSession, address: string): void;
  /** Counts what sessions hold for handlers. */
  readonly held: HeldTotal;
  /** Calls `settleCredit` of the session every tenth of a second until it returns true. */
  oweCredit(session: HostedSession): void;
  /** Offers the request to a handler again, as a session with another id. */
  repeat(session: HostedSession, request: RequestHead): void;
  /** A response keeps so many bytes that its requester does not take yet. Returns false if that is too much. */
  keepResponse(bytes: number): boolean;
  /** So many of them are kept no longer. */
  dropResponse(bytes: number): void;
  /** The session is over while no handler has been heard of. Returns whether it is certain that none has the request. */
  withdraw(session: HostedSession): boolean;
  /** The client of this session left before its handler was known, which gets a cancel with this number when its next packet comes. */
  abandon(id: string, seq: number): void;
  /** The session is over. */
  ended(session: HostedSession): void;
}
