import type { Log } from '../exchange/index.ts';
import type { BridgeCounters } from '../zhttp/index.ts';
import type { FetchLink } from './fetch-link.ts';

/** What the engine needs of a session that calls it. */
export interface HostedFetch {
  /** Address of the asker, empty if there is none. */
  readonly from: string;
  /** What the asker calls the session, empty for nothing. */
  readonly id: string;
  /** Whether packets of the asker may come for it. */
  readonly named: boolean;
  /** Its place in the table of sessions, which alone writes it. */
  slot: number;
  /** Grants the asker what has been taken since the last time. */
  sendCredit(): void;
  /** The turn of the event loop is over. */
  onTurnEnd(): void;
}

/** What sessions need of the engine that they belong to. */
export interface FetchHost {
  /** What askers call us. */
  readonly address: string;
  /** Bytes that an asker is granted at first. */
  readonly bufferSize: number;
  /** Bytes that are granted again without delay. */
  readonly creditThreshold: number;
  /** Bytes of a response body that is answered in one packet. */
  readonly maxBodyBytes: number;
  /** Milliseconds between two signs of life to an asker. */
  readonly keepAliveInterval: number;
  /** What an error says when a request took too long. */
  readonly timeoutCondition: string;
  /** Milliseconds of the wheel's clock. */
  readonly now: number;
  readonly counters: BridgeCounters;
  readonly log: Log;
  readonly link: FetchLink;
  /** Calls `sendCredit` of the session soon. */
  oweCredit(session: HostedFetch): void;
  /** Calls `onTurnEnd` of the session. */
  atTurnEnd(session: HostedFetch): void;
  /** The asker hands the session over: its next packet comes from somebody else. */
  handedOff(session: HostedFetch): void;
  /** The packet from `address` has come: the session is that asker's from now on. */
  takenOver(session: HostedFetch, address: string): void;
  ended(session: HostedFetch): void;
}
