/** Plain data that another process makes a part of an exchange from: structured clone passes it. */
export interface PartState {
  /** Names what is made. */
  readonly kind: string;
}

/**
 * A part of an exchange whose client is about to move to another process: nothing passes through it meanwhile, in either direction. One of the two
 * calls ends that.
 */
export interface Suspended<State extends PartState = PartState> {
  readonly state: State;
  /** The client stays: the part goes on. */
  resume(): void;
  /** The client is in the other process now: the part ends, and tells nobody. */
  forget(): void;
}
