import type { ZmtpSessionState } from '../codec/zmtp/index.ts';
import type { PartState, Suspended } from '../exchange/index.ts';

/** What a process knows of a peer, from which another one goes on with it. */
export interface PeerState extends PartState {
  readonly kind: 'zmq';
  /** Where it has connected, as `bind` was given it. */
  readonly endpoint: string;
  readonly session: ZmtpSessionState;
  /** Its own, or the one that a ROUTER has assigned; empty for none. */
  readonly routingId: Buffer;
  /** Topics in latin1: those that it has subscribed to, or that it was subscribed to. */
  readonly topics: readonly string[];
  /** Messages that wait to be received. */
  readonly inbox: readonly Buffer[][];
}

/** A peer that is about to move: it is not read, and nothing is written to it. */
export type SuspendedPeer = Suspended<PeerState>;
