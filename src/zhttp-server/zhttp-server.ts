import { ServerEngine } from './server-engine.ts';
import type { ZhttpServerOptions } from './server-options.ts';
import { ZmqServerLink } from './zmq-server-link.ts';

/** ZHTTP as its responder: makes the requests that come as messages, in stream mode and in req mode. */
export class ZhttpServer {
  readonly #engine: ServerEngine;
  readonly #link: ZmqServerLink;

  /** @throws ZmqError for an address or a high-water mark that cannot be */
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
   * Ends what still runs: the requesters get an error each.
   * @returns settles when that is sent, or cannot be
   */
  stop(): Promise<void> {
    return this.#engine.stop();
  }
}
