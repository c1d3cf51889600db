import type { TimerWheel, TurnQueue } from '../clock/index.ts';
import type { Counters, Current, LineRate, Log, Service } from '../exchange/index.ts';
import type { GoneLink, Hub } from '../hub/index.ts';
import type { ResumableStreams } from '../resume/index.ts';
import type { CompressRoom } from './compress/compress-room.ts';
import type { GripBytes } from './grip-bytes.ts';
import type { JoinableLink } from './joinable-link.ts';
import type { KeptBodies } from './kept-body.ts';
import type { KeptOriginHeaders } from './kept-origin-headers.ts';
import type { ProxySettings } from './proxy-settings.ts';
import type { JoinableRequest } from './request-sharer.ts';
import type { SessionState } from './session-state.ts';

/** Where streams that can be resumed are. */
export interface ResumePlaces {
  /** Those of this process. */
  readonly streams: ResumableStreams;
  /** Respond as `streams.service`, for the process with this name and for those of other nodes. */
  sourcesOf(place: string): readonly Service[];
}

/** What all exchanges of a proxy share. */
export interface ProxyRoom {
  readonly settings: Current<ProxySettings>;
  readonly hub: Hub;
  readonly wheel: TimerWheel;
  readonly counters: Counters;
  readonly log: Log;
  readonly keptBodies: KeptBodies;
  readonly originHeaders: KeptOriginHeaders;
  readonly gripBytes: GripBytes;
  readonly compress: CompressRoom;
  /** The service that keeps sessions; null where there is none. */
  readonly sessions: SessionState | null;
  /** Requests of next links that others can still share, by their URIs and positions. */
  readonly sharedLinks: Map<string, JoinableLink>;
  /** Requests that others can still share, by what makes them equal. */
  readonly sharedRequests: Map<string, JoinableRequest>;
  readonly resume: ResumePlaces;
  readonly turns: TurnQueue;
  /** Requests of gone links that are under way. */
  readonly goneRequests: Set<GoneLink>;
  /** Lines in the log about those that were dropped. */
  readonly droppedGoneLinks: LineRate;
  /** Whether the log has said that an origin holds clients although its requests are not signed. */
  unsignedNoted: boolean;
}
