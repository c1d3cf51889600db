import { FetchEngine } from './fetch-engine.ts';
import type { FetchBridgeOptions } from './fetch-options.ts';
import { ZmqFetchLink } from './zmq-fetch-link.ts';

/** ZHTTP as its responder: makes the requests that come as messages, in stream mode and in req mode. */
export class FetchBridge {
  readonly #engine: FetchEngine;
  readonly #link: ZmqFetchLink;

  /** @throws ZmqError for an address or a high-water mark that cannot be */
  constructor(options: FetchBridgeOptions) {
    let link: ZmqFetchLink | undefined;
    this.#engine = new FetchEngine(options, (sink) => {
      link = new ZmqFetchLink(options, sink);
      return link;
    });
    this.#link = link as unknown as ZmqFetchLink;
  }

  /**
   * Binds or connects all endpoints.
   * @returns them as they are, with the ports that were taken
   * @throws ZmqError when one cannot be bound, or is none
   */
  open(): Promise<string[]> {
    return this.#link.open();
  }

  /** Takes no more requests; those that run go on. */
  drain(): void {
    this.#engine.drain();
  }

  /** Settles when no request is under way. */
  whenEmpty(): Promise<void> {
    return this.#engine.whenEmpty();
  }

  /**
   * Ends what still runs: the askers get an error each.
   * @returns settles when that is sent, or cannot be
   */
  stop(): Promise<void> {
    return this.#engine.stop();
  }
}
