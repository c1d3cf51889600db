import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { PublishError } from './publish-error.ts';
import type { ServerAddress } from './server-address.ts';

/** Milliseconds for which an idle connection is kept: less than servers keep theirs, so that none is used which is just being closed. */
const IDLE_MS = 4_000;

/** Bytes of an error's text that are read. */
const MAX_TEXT = 2_000;

/** What a server said to items. */
export interface PostResult {
  readonly status: number;
  readonly text: string;
  /** Seconds of Retry-After; null without it. */
  readonly retryAfter: number | null;
}

/** Posts bodies to one server, on one connection that is kept alive. */
export class Poster {
  readonly #address: ServerAddress;
  readonly #timeout: number;
  readonly #agent: HttpAgent;

  /**
   * @param timeout milliseconds for a request and its response
   * @param ca certificates in PEM that the server's is checked with, instead of those of the system
   */
  constructor(address: ServerAddress, timeout: number, ca: string | Buffer | undefined) {
    const options = { keepAlive: true, maxSockets: 1, timeout: IDLE_MS };
    this.#address = address;
    this.#timeout = timeout;
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
   * @throws PublishError when no whole response came; it says whether the server may have taken the body
   */
  post(body: Buffer): Promise<PostResult> {
    const { url, authorization } = this.#address;
    const credentials = authorization();
    const headers = {
      'Content-Type': 'application/json',
      'Content-Length': body.length,
      ...(credentials !== undefined && { Authorization: credentials }),
    };
    return new Promise((resolve, reject) => {
      let connected = false;
      const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
      const request = send(url, { method: 'POST', headers, agent: this.#agent }, (response) => {
        readText(response).then((text) => {
          clearTimeout(timer);
          resolve({ status: response.statusCode ?? 0, text, retryAfter: retryAfter(response) });
        }, fail);
      });
      const fail = (error: unknown): void => {
        clearTimeout(timer);
        const reason = error instanceof Error ? error.message || (error as NodeJS.ErrnoException).code : String(error);
        reject(new PublishError(`cannot publish to ${this.host}: ${reason}`, 0, connected, { cause: error }));
      };
      const timer = setTimeout(
        () => request.destroy(new Error(`no response within ${this.#timeout / 1000} s`)),
        this.#timeout,
      );
      request.on('socket', (socket) => {
        connected = !socket.connecting;
        socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', () => {
          connected = true;
        });
      });
      request.on('error', fail);
      request.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    if (size < MAX_TEXT) chunks.push(chunk);
    size += chunk.length;
    // The connection is not worth what such a response costs.
    if (size > MAX_TEXT * 32) throw new Error('the response is too long');
  }
  // Text of a server may have what a terminal would obey.
  return Buffer.concat(chunks)
    .toString('utf8', 0, MAX_TEXT)
    .replace(/[^\P{Cc}\n\t]/gu, '')
    .trim();
}

/** RFC 9110 §10.2.3: seconds or a date. */
function retryAfter({ headers }: IncomingMessage): number | null {
  const value = headers['retry-after'];
  if (value === undefined) return null;
  const seconds = /^\d+$/.test(value) ? Number(value) : (Date.parse(value) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : null;
}
