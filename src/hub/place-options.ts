import type { NamedPlace } from './hub-history.ts';
import type { JoinMode } from './joined-responses.ts';

/** How a client begins that has a cursor. */
export interface PlaceOptions {
  /** Names of its channels, and keys of its patterns. */
  readonly keys: readonly string[];
  /** What the client says that it has; null for a new one. */
  readonly since: string | null;
  /** What its origin says that it has. Default: nothing. */
  readonly ids?: readonly NamedPlace[];
  /** Put in front of the names of its channels, and not known to the client. */
  readonly prefix: string;
  /** How several items become one response. */
  readonly join: JoinMode;
}
