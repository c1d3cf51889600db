import type { FetchBridgeOptions } from './fetch-options.ts';

/** ZHTTP as its responder: makes the requests that come as messages, in stream mode and in req mode. */
export class FetchBridge {
  readonly #options: FetchBridgeOptions;

  constructor(options: FetchBridgeOptions) {
    this.#options = options;
  }

  /**
   * Binds or connects all endpoints.
   * @returns them as they are, with the ports that were taken
   * @throws ZmqError when one cannot be bound, or is none
   */
  async open(): Promise<string[]> {
    return [...this.#options.req];
  }

  /** Takes no more requests; those that run go on. */
  drain(): void {}

  /** Settles when no request is under way. */
  async whenEmpty(): Promise<void> {}

  /**
   * Ends what still runs: the askers get an error each.
   * @returns settles when that is sent, or cannot be
   */
  async stop(): Promise<void> {}
}
