import type { PartState, Responder } from '../exchange/index.ts';

/** A hold whose request is at its origin again. `done` or `resume` ends that, unless the hold aborts the replay. */
export interface FormerHold {
  /** Bytes of response body that the client has granted and that are unspent. */
  readonly credits: number;
  /** The client gets the response to the replay from now on: the hold is over. Harmless twice. */
  release(): void;
  /** The origin has ended its response, or the client has left: the hold is over, and the next replay may begin. Harmless twice. */
  done(): void;
  /**
   * The replay failed, and nothing of a response has reached the client: takes the exchange back, keeps holding it, and tries again
   * later.
   * @param credits bytes of response body that the client has granted by now
   * @returns milliseconds until the next try; null if the hold is over
   */
  resume(credits: number): number | null;
}

/** How a held request is sent to its origin again. */
export interface Replay {
  /** As `NextLink.state`. */
  readonly state?: PartState;
  /** Names the target: a bounded number of replays is at each target at once. */
  readonly target: string;
  /** Bytes of the request body, which is kept for it. */
  readonly bytes: number;
  /**
   * Makes the exchange that sends the request.
   * @param missed channels and patterns of which the client has missed something for good: the request says so, and not where the client was. Null for none
   */
  open(former: FormerHold, missed: readonly string[] | null): ReplayExchange;
}

/** A request on its way to its origin again: the responder of its client meanwhile. */
export interface ReplayExchange extends Responder {
  /** Sends the request. */
  start(): void;
  /**
   * The client gets another response: ends the exchange with the origin. Called only before `release`, `done` and `resume`.
   * @returns bytes of response body that the client has granted by now
   */
  abort(): number;
}
