/** What is told of a channel: a user is there or has left, or the first client has come or the last one left. */
export type PresenceKind = 'join' | 'leave' | 'occupied' | 'vacated';

/** Somebody has come to a channel, or has left it. */
export interface PresenceEvent {
  readonly kind: PresenceKind;
  /** Its whole name. */
  readonly channel: string;
  /** Null where it is not about a user. */
  readonly user: string | null;
  /** In milliseconds since 1970. */
  readonly time: number;
}
