import { type Content, type Item, itemJson } from './item.ts';
import { Poster } from './post.ts';
import { PublishError } from './publish-error.ts';
import { type Credentials, serverAddress } from './server-address.ts';
import { ServerQueue } from './server-queue.ts';

/** How a `Publisher` publishes. */
export interface PublisherOptions extends Credentials {
  /** Seconds for a request and its response. Default: 10. */
  readonly timeout?: number;
  /**
   * Times that a request is sent again after a failure: when no connection could be made, or the server responded with 429 or 503, and when the connection
   * was lost if all its items have ids or idempotency keys, or the server has said before that it knows the idempotency key of a request, as Holdfast does:
   * each request has one. Default: 5, over about 3 seconds.
   */
  readonly retries?: number;
  /** Bytes of a request with several items. Servers may refuse more than 1,000,000. Default: 500,000. */
  readonly maxBatchBytes?: number;
  /** Bytes of items that may wait for one server; each counts as at least 256. Default: 16 MiB. */
  readonly maxQueuedBytes?: number;
  /** Whether Holdfast is asked for the cursor of each item. Default: false. */
  readonly cursors?: boolean;
  /** Certificates in PEM that an https server's is checked with, instead of those of the system. */
  readonly ca?: string | Buffer;
}

/**
 * Publishes to GRIP servers (Holdfast, Pushpin, Fanout) over HTTP. Connections are kept alive, and what is published while a request is on its way
 * goes in the next one, so that the items of a channel arrive in their order.
 *
 *     const publisher = new Publisher('http://localhost:5561');
 *     await publisher.publish('news', 'hello\n');
 */
export class Publisher {
  readonly #queues: readonly ServerQueue[];
  #closed = false;

  /**
   * @param servers one URL, or several that each get all items: `http://localhost:5561`, with or without `/publish/`, or a GRIP_URL
   * @throws TypeError for a URL or credentials that cannot be used
   */
  constructor(servers: string | URL | readonly (string | URL)[], options: PublisherOptions = {}) {
    const {
      timeout = 10,
      retries = 5,
      maxBatchBytes = 500_000,
      maxQueuedBytes = 16_777_216,
      cursors = false,
      ca,
      ...credentials
    } = options;
    const all = typeof servers === 'string' || servers instanceof URL ? [servers] : servers;
    if (all.length === 0) throw new TypeError('there is no server to publish to');
    this.#queues = all.map((server) => {
      const poster = new Poster(serverAddress(server, credentials), timeout * 1000, ca, cursors);
      return new ServerQueue(poster, { maxBatchBytes, maxQueuedBytes, retries });
    });
  }

  /**
   * Publishes to the clients of a channel. Resolves when all servers have taken the item; clients get it a moment later.
   * @param content text or bytes for all clients, or what clients get by how they are held
   * @returns with the option `cursors` the cursor of the item, with which a client gets what comes after it; of several servers that of the first. Null without the
   * option, where the channel has no history, and from other GRIP servers
   * @throws TypeError for an item that has no channel or format
   * @throws PublishError when a server did not take it
   */
  async publish(channel: string, content: Content | Item): Promise<string | null> {
    const item = itemJson(channel, content);
    if (this.#closed) throw new PublishError('the publisher is closed');
    const json = JSON.stringify(item);
    const isRepeatable = 'id' in item || 'idempotency-key' in item;
    const results = await Promise.allSettled(this.#queues.map((queue) => queue.send(json, isRepeatable)));
    const failures = results
      .filter((result) => result.status === 'rejected')
      .map(({ reason }) => reason as PublishError);
    const [first, ...more] = failures;
    if (first === undefined) return results[0]?.status === 'fulfilled' ? results[0].value : null;
    if (more.length === 0) throw first;
    const text = failures.map(({ message }) => message).join('; ');
    const maybePublished = failures.some((failure) => failure.maybePublished);
    throw new PublishError(text, first.status, maybePublished, { cause: failures });
  }

  /** Sends what waits, without any more retries, and closes the connections. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#queues.map((queue) => queue.close()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
