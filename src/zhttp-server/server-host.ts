import type { Log } from '../exchange/index.ts';
import type { BridgeCounters } from '../zhttp/index.ts';
import type { ServerLink } from './server-link.ts';

/** What the engine needs of a session that calls it. */
export interface HostedSession {
  /** Address of the requester, empty if there is none. */
  readonly from: string;
  /** What the requester calls the session, empty for nothing. */
  readonly id: string;
  /** Whether packets of the requester may come for it. */
  readonly named: boolean;
  /** Its place in the table of sessions, which alone writes it. */
  slot: number;
  /** Grants the requester what has been taken since the last time. */
  sendCredit(): void;
  /** The turn of the event loop is over. */
  onTurnEnd(): void;
}

/** What sessions need of the engine that they belong to. */
export interface ServerHost {
  /** What requesters call us. */
  readonly address: string;
  /** Bytes that a requester is granted at first. */
  readonly bufferSize: number;
  /** Bytes that are granted again without delay. */
  readonly creditThreshold: number;
  /** Bytes of a response body that is answered in one packet. */
  readonly maxBodyBytes: number;
  /** Milliseconds between two signs of life to a requester. */
  readonly keepAliveInterval: number;
  /** What an error says when a request took too long. */
  readonly timeoutCondition: string;
  /** Milliseconds of the wheel's clock. */
  readonly now: number;
  readonly counters: BridgeCounters;
  readonly log: Log;
  readonly link: ServerLink;
  /** Calls `sendCredit` of the session soon. */
  oweCredit(session: HostedSession): void;
  /** Calls `onTurnEnd` of the session. */
  atTurnEnd(session: HostedSession): void;
  /** The requester hands the session over: its next packet comes from somebody else. */
  handedOff(session: HostedSession): void;
  /** The packet from `address` has come: the session is that requester's from now on. */
  takenOver(session: HostedSession, address: string): void;
  ended(session: HostedSession): void;
}
