/**
 * Bytes of a response that the target may send before they are passed on, however much the requester has granted. It bounds what
 * a session has to keep when its requester hands it over.
 * @bound zhttp-response-window
 */
export const RESPONSE_WINDOW = 262_144;

/**
 * What the requester grants, on its way to the target. Small grants are collected, because a target that is granted little sends
 * little, and each piece costs a packet; large ones are passed on one window at a time.
 */
export class RequesterCredits {
  /** Bytes that the target is granted with the request. */
  readonly first: number;
  /** Grants of at least so many bytes are passed on at once: half of what the requester granted at first. */
  readonly #threshold: number;
  /** Bytes that the requester has granted, and that were not passed on. */
  #spare: number;
  /** Bytes that the target may still send. */
  #ahead: number;

  /** @param granted by the first packet */
  constructor(granted: number) {
    this.first = Math.min(granted, RESPONSE_WINDOW);
    this.#threshold = Math.ceil(this.first / 2);
    this.#spare = granted - this.first;
    this.#ahead = this.first;
  }

  /** Whether small grants wait for more. */
  get pending(): boolean {
    return this.#spare > 0 && this.#ahead <= RESPONSE_WINDOW / 2;
  }

  /** The requester grants so many bytes. */
  add(bytes: number): void {
    this.#spare += bytes;
  }

  /** So many bytes have come from the target. */
  spend(bytes: number): void {
    this.#ahead -= bytes;
  }

  /** Takes what the target is to be granted now, perhaps nothing. @param small whether small grants have waited long enough */
  take(small: boolean): number {
    if (this.#spare === 0 || (!small && this.#spare < this.#threshold)) return 0;
    const room = RESPONSE_WINDOW - this.#ahead;
    // A target that has half a window needs no more yet.
    if (room < RESPONSE_WINDOW / 2 && this.#spare > room) return 0;
    const bytes = Math.min(this.#spare, room);
    this.#spare -= bytes;
    this.#ahead += bytes;
    return bytes;
  }
}
