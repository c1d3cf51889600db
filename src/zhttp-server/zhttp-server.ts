import { ServerEngine } from './server-engine.ts';
import type { ZhttpServerOptions } from './server-options.ts';
import { ZmqServerLink } from './zmq-server-link.ts';

/** The server half of ZHTTP: takes requests as packets, in stream mode and in req mode, and gives them to a target. */
export class ZhttpServer {
  readonly #engine: ServerEngine;
  readonly #link: ZmqServerLink;

  /** @throws ZmqError for an invalid address or high-water mark */
  constructor(options: ZhttpServerOptions) {
    let link: ZmqServerLink | undefined;
    this.#engine = new ServerEngine(options, (sink) => {
      link = new ZmqServerLink(options, sink);
      return link;
    });
    this.#link = link as unknown as ZmqServerLink;
  }

  /**
   * Binds or connects all endpoints.
   * @returns the endpoints, with the ports that were taken
   * @throws ZmqError when one is invalid or cannot be bound
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
   * Ends what still runs: each requester gets an error for each session.
   * @returns settles when these are sent, or cannot be
   */
  stop(): Promise<void> {
    return this.#engine.stop();
  }
}
