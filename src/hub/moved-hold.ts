import type { InstructResponse, KeepAlive } from '../codec/grip/index.ts';
import type { PartState, Peer } from '../exchange/index.ts';
import type { FilterService } from './filter-service.ts';
import type { FilterState } from './filter-set.ts';
import type { JoinMode } from './joined-responses.ts';
import type { GoneLink, NextLink, SessionNotes } from './next-link.ts';
import type { Replay } from './replay.ts';
import type { SlowPolicy } from './slow-policy.ts';

/** From what another process makes a held client again. */
export interface HeldState extends PartState {
  readonly id: string;
  readonly requestId: string;
  /** Id of its route. */
  readonly route: string;
  /** Whose client it is; null where nobody has said that. */
  readonly user: string | null;
  /** When it was held, in seconds since 1970. */
  readonly since: number;
  readonly peer: Peer;
  readonly encrypted: boolean;
  /** Bytes that the client takes. */
  readonly credits: number;
  /** Milliseconds since something was last passed. */
  readonly silence: number;
  /** Full names of its channels, and keys of its patterns. */
  readonly channels: readonly string[];
  /** Milliseconds until its timer; null where that is not set. */
  readonly left: number | null;
  readonly gone: PartState | null;
  readonly session: PartState | null;
  /** Whether a service may be asked about its items. */
  readonly asks: PartState | null;
}

/** Where a client is in the log of its channels. Null where they are not kept. */
export interface MovedPlace {
  readonly cursor: string;
  readonly prefix: string;
  readonly join: JoinMode;
}

/** What a stream has beyond its channels. */
export interface SessionState {
  readonly link: PartState | null;
  readonly positions: readonly (readonly [string, string | null])[];
  /** Channels of which the log has all that the client has missed. */
  readonly whole: readonly string[];
  readonly filters: FilterState | null;
  readonly channels: readonly string[];
  readonly active: readonly string[];
  readonly failures: number;
  readonly left: number | null;
}

/** A held stream. */
export interface StreamHoldState extends HeldState {
  readonly kind: 'stream-hold';
  readonly isEventStream: boolean;
  readonly place: MovedPlace | null;
  readonly slow: SlowPolicy;
  /** As `HoldOptions.channelPrefix`. Absent from older processes, which do not tell it. */
  readonly prefix?: string;
  readonly keepAlive: KeepAlive | null;
  /** Null for a stream that has channels and nothing else. */
  readonly more: StreamMore | null;
}

/** As `StreamOptions`. */
export interface StreamMore {
  readonly always: readonly string[];
  readonly prefix: string;
  readonly debug: boolean;
  readonly claimed: string | null;
  readonly session: SessionState;
}

/** A held request. */
export interface ResponseHoldState extends HeldState {
  readonly kind: 'response-hold';
  readonly place: MovedPlace | null;
  readonly response: InstructResponse;
  readonly prevIds: readonly (readonly [string, string | null])[];
  /** As in `SessionState`. */
  readonly whole: readonly string[];
  readonly prefix: string;
  readonly filters: FilterState | null;
  readonly failures: number;
  readonly replay: PartState | null;
}

/** How what is published goes to a WebSocket. */
export interface ShownState {
  readonly place: MovedPlace | null;
  readonly envelope: boolean;
  readonly slow: SlowPolicy;
  /** Whether the client is told of gaps although it gets no envelopes. */
  readonly knowsGaps: boolean;
}

/** A WebSocket with subscriptions. */
export interface WebSocketHoldState extends HeldState, ShownState {
  readonly kind: 'websocket-hold';
  /** The metadata `user`, where there are no filters that might want it. */
  readonly said: string | null;
  readonly filters: FilterState | null;
}

/** What others make of a held client. */
export interface HoldParts {
  readonly link: NextLink | null;
  readonly gone: GoneLink | null;
  readonly session: SessionNotes | null;
  readonly filterService: FilterService | null;
  readonly replay: Replay | null;
}
