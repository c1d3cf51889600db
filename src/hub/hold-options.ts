import type { Instruct } from '../codec/grip/index.ts';
import type { Requester, RequestHead } from '../exchange/index.ts';
import type { FilterService } from './filter-service.ts';
import type { JoinMode } from './joined-responses.ts';
import type { GoneLink, NextLink, SessionNotes } from './next-link.ts';
import type { FormerHold, Replay } from './replay.ts';
import type { SlowPolicy } from './slow-policy.ts';

/** An exchange that the hub is to take over. */
export interface HoldOptions {
  readonly request: RequestHead;
  /** What the origin said. Its `hold` must not be null, unless there is a `link`. */
  readonly instruct: Instruct;
  /** Handed over to the hub within the call. */
  readonly requester: Requester;
  /** Bytes of response body that the requester has granted so far and that are unspent. */
  readonly credits: number;
  /** Null where the request cannot be sent again. A stream's may only be before it begins. */
  readonly replay: Replay | null;
  /** Whether the client has the head and the initial body of a stream already. False by default. */
  readonly responseStarted?: boolean;
  /** Where a stream continues; null for nowhere. */
  readonly link?: NextLink | null;
  /** Who is told when the client is no longer held; null for nobody. */
  readonly gone?: GoneLink | null;
  /** The session that the client belongs to; null for none. */
  readonly session?: SessionNotes | null;
  /** Whose client it is, unless its origin says so by the metadata `user`; null for nobody's. */
  readonly user?: string | null;
  /** Whether a client is told why its stream ends. False by default. */
  readonly debug?: boolean;
  /** For filters that ask a service; null for none. */
  readonly filterService?: FilterService | null;
  /** Channels besides those of the instruct, with their whole names. */
  readonly channels?: readonly string[];
  /** Put in front of the names of the channels. Empty by default. */
  readonly channelPrefix?: string;
  /** How several items that the client has missed become one response. Not at all by default. */
  readonly join?: JoinMode;
  /** What becomes of a stream whose client is slow. `catch_up` by default. */
  readonly slow?: SlowPolicy;
  /** Id of the route that the request came by: each has its own `message_rate`. Empty by default. */
  readonly route?: string;
  /**
   * The hold that was handed to `replay`, when this one is what the replay led to: what it kept is taken over here. The origin's response must
   * be complete.
   */
  readonly former?: FormerHold | null;
}
