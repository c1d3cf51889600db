import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { parseRetryAfter } from '../codec/fields/index.ts';
import { beginningOf, sendRequest, withoutControls } from '../plain-http/index.ts';
import { PublishError } from './publish-error.ts';
import type { ServerAddress } from './server-address.ts';

/** Milliseconds for which an idle connection is kept: less than servers keep theirs, so that none is used which is just being closed. */
const IDLE_MS = 4_000;

/** Bytes of a response's text that are kept. */
const MAX_TEXT = 2_000;

/** The same where it says what cursors the items have. */
const MAX_CURSORS = 4_194_304;

/** Bytes of a response that are read: the connection is not worth what more would cost. */
const MAX_READ = 65_536;

/** What a server said to items. */
export interface PostResult {
  readonly status: number;
  readonly text: string;
  /** Seconds of Retry-After; null without it. */
  readonly retryAfter: number | null;
  /** The idempotency key that the server repeats where it knows what that is; null without. */
  readonly key: string | null;
}

/** Posts bodies to one server, on one connection that is kept alive. */
export class Poster {
  readonly #address: ServerAddress;
  readonly #timeout: number;
  readonly #agent: HttpAgent;
  readonly #cursors: boolean;

  /**
   * @param timeout milliseconds for a request and its response
   * @param ca certificates in PEM that the server's is checked with, instead of those of the system
   * @param cursors whether the server is asked for the cursors of items
   */
  constructor(address: ServerAddress, timeout: number, ca: string | Buffer | undefined, cursors: boolean) {
    const options = { keepAlive: true, maxSockets: 1, timeout: IDLE_MS };
    this.#address = address;
    this.#timeout = timeout;
    this.#cursors = cursors;
    this.#agent =
      address.url.protocol === 'https:'
        ? new HttpsAgent({ ...options, ...(ca !== undefined && { ca }) })
        : new HttpAgent(options);
  }

  get host(): string {
    return this.#address.url.host;
  }

  /**
   * Posts a body.
   * @param key value of the Idempotency-Key field: the server takes a body with the same key only once, if it knows what that is
   * @throws PublishError when no whole response came; it says whether the server may have taken the body
   */
  async post(body: Buffer, key: string): Promise<PostResult> {
    const { url, authorization } = this.#address;
    const credentials = authorization();
    const headers = {
      'Content-Type': 'application/json',
      'Content-Length': body.length,
      'Idempotency-Key': key,
      ...(credentials !== undefined && { Authorization: credentials }),
      // RFC 7240 §4.2.
      ...(this.#cursors && { Prefer: 'return=representation' }),
    };
    const agent = this.#agent;
    let connected = false;
    const onConnected = (): void => {
      connected = true;
    };
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), this.#timeout);
    try {
      const response = await sendRequest(url, {
        ...{ method: 'POST', headers, body, agent, onConnected },
        signal: late.signal,
      });
      const isAnswer = this.#cursors && response.statusCode === 200;
      const text = isAnswer
        ? await beginningOf(response, MAX_CURSORS)
        : await beginningOf(response, MAX_TEXT, MAX_READ);
      return {
        status: response.statusCode ?? 0,
        text: withoutControls(text.toString()),
        retryAfter: parseRetryAfter(response.headers['retry-after'], Date.now()),
        key: repeatedKey(response.headers['idempotency-key']),
      };
    } catch (error) {
      const reason = late.signal.aborted ? `no response within ${this.#timeout / 1000} s` : reasonOf(error);
      throw new PublishError(`cannot publish to ${this.host}: ${reason}`, 0, connected, { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    this.#agent.destroy();
  }
}

function repeatedKey(value: string | readonly string[] | undefined): string | null {
  return typeof value === 'string' ? value : null;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message || String((error as NodeJS.ErrnoException).code) : String(error);
}
