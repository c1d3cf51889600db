import type { AtTurnEnd, TurnQueue } from '../clock/index.ts';
import type { ExchangeObserver, HeldTotal, Log } from '../exchange/index.ts';
import type { Tracing } from '../server/index.ts';
import type { CollectedBytes, SessionCounters } from '../zhttp/index.ts';
import type { ServerLink } from './server-link.ts';

/** What the engine needs of a session. */
export interface HostedSession extends AtTurnEnd {
  /** Address of the requester, empty if there is none. */
  readonly from: string;
  /** What the requester calls the session, empty for nothing. */
  readonly id: string;
  /** Whether packets of the requester may come for it. */
  readonly named: boolean;
  /** Whether it is reached over the ROUTER socket. */
  readonly byRouter: boolean;
  /** Bytes of its first packet. */
  readonly requestBytes: number;
  /** Whether it has ended without a word to the requester. */
  readonly untold: boolean;
  /** Its place in the table of sessions, which alone writes it. */
  slot: number;
  /** What the table of sessions finds it by, made once; empty if it is not named. The table alone writes it. */
  key: string;
  /** Passes on the small grants of both sides that were collected. */
  settle(): void;
}

/** What sessions need of their engine. */
export interface ServerHost {
  /** What requesters call us. */
  readonly address: string;
  /** Bytes that a requester is granted at first. */
  readonly bufferSize: number;
  /** Bytes that are granted again without delay. */
  readonly creditThreshold: number;
  /** Bytes of a response body that goes out in one packet. */
  readonly maxBodyBytes: number;
  /** Milliseconds between two keep-alives to a requester. */
  readonly keepAliveInterval: number;
  /** Condition of the error when a request took too long. */
  readonly timeoutCondition: string;
  /** Whether a WebSocket gets no packet before the origin's response. */
  readonly quietWebSockets: boolean;
  /** Content-type of text messages; empty for none. */
  readonly textType: string;
  /** Whether the log has no records of requests above the level debug. */
  readonly quiet: boolean;
  /** Whether the responses of the target say how long their bodies are. */
  readonly framed: boolean;
  /** Whether the target makes requests itself. */
  readonly outbound: boolean;
  /** Milliseconds of the wheel's clock. */
  readonly now: number;
  readonly counters: SessionCounters;
  readonly log: Log;
  /** Is told of each exchange at its end; null for nobody. */
  readonly observer: ExchangeObserver | null;
  /** How requests take part in traces; null: their fields pass as any other. */
  readonly tracing: Tracing | null;
  readonly link: ServerLink;
  /** The end of the event loop's turn. */
  readonly turn: TurnQueue;
  /** Counts the bodies that are collected to go out in one packet. */
  readonly collected: CollectedBytes;
  /** Counts the packets that wait for their requesters. */
  readonly held: HeldTotal;
  /** Calls `settle` of the session within a tenth of a second. */
  settleSoon(session: HostedSession): void;
  /** The requester hands the session over: its next packet comes from another one. */
  handedOff(session: HostedSession): void;
  /** The packet from `address` has come: the session belongs to that requester from now on. */
  takenOver(session: HostedSession, address: string): void;
  ended(session: HostedSession): void;
}
