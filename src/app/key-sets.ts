import { DEFAULT_FETCH_OPTIONS, type Fetcher } from '../client/index.ts';
import type { TokenKeys } from '../codec/grip/index.ts';
import {
  BodyCollector,
  type Counters,
  type ExchangeError,
  type Log,
  NO_RESPONDER,
  type Payload,
  type Requester,
  type Responder,
  type ResponseHead,
  WINDOW,
} from '../exchange/index.ts';
import { JwksKeys, KEY_SET_TIMEOUT, MAX_KEY_SET_BYTES } from '../proxy/index.ts';

/** What key sets are fetched with. */
export interface KeySetMeans {
  readonly fetcher: Fetcher;
  readonly counters: Counters;
  readonly log: Log;
}

/** The JSON Web Key Sets of all routes by their URLs. They outlive a change of the routes. */
export class KeySets {
  readonly #means: KeySetMeans;
  readonly #byUrl = new Map<string, JwksKeys>();
  #used = new Set<string>();

  constructor(means: KeySetMeans) {
    this.#means = means;
  }

  at(url: string): TokenKeys {
    let keys = this.#byUrl.get(url);
    if (keys === undefined) {
      const { fetcher, counters, log } = this.#means;
      keys = new JwksKeys(url, { fetch: (uri) => fetchDocument(fetcher, uri), counters, log });
      this.#byUrl.set(url, keys);
    }
    this.#used.add(url);
    return keys;
  }

  /** Forgets the sets that were not asked for since the last call. */
  forgetUnused(): void {
    for (const url of this.#byUrl.keys()) if (!this.#used.has(url)) this.#byUrl.delete(url);
    this.#used = new Set();
  }
}

function fetchDocument(fetcher: Fetcher, uri: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const document = new FetchedDocument(resolve, reject);
    const options = {
      ...DEFAULT_FETCH_OPTIONS,
      timeout: KEY_SET_TIMEOUT,
      maxSize: MAX_KEY_SET_BYTES,
      decompress: true,
    };
    const headers = ['Accept', 'application/jwk-set+json, application/json'];
    document.attach(
      fetcher.fetch({ id: 'jwks', method: 'GET', uri, headers, bodyLength: 0, credits: WINDOW, options }, document),
    );
  });
}

/** The requester of a document that is fetched whole. */
class FetchedDocument implements Requester {
  readonly #resolve: (body: Buffer) => void;
  readonly #reject: (error: Error) => void;
  readonly #body = new BodyCollector(MAX_KEY_SET_BYTES);
  #responder: Responder = NO_RESPONDER;
  #status = 0;
  #owed = 0;

  constructor(resolve: (body: Buffer) => void, reject: (error: Error) => void) {
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** Sets the responder, which may have responded already. */
  attach(responder: Responder): void {
    if (this.#responder === NO_RESPONDER) this.handOver(responder);
  }

  onResponse({ status }: ResponseHead): void {
    this.#status = status;
  }

  onResponseData(chunk: Buffer, more: boolean): void {
    this.#body.add(chunk);
    if (more) this.#grant(chunk.length);
    else if (this.#status === 200) this.#resolve(this.#body.body);
    else this.#reject(new Error(`the response has the status ${this.#status}`));
  }

  onResponsePayload(payload: Payload): void {
    this.onResponseData(payload.body, true);
  }

  onResponseError({ code, detail }: ExchangeError): void {
    this.#reject(new Error(`${code} ${detail}`));
  }

  onRequestCredit(): void {}

  pauseRequest(): void {}

  handOver(responder: Responder): void {
    this.#responder = responder;
    this.#grant(0);
  }

  #grant(bytes: number): void {
    this.#owed += bytes;
    if (this.#responder === NO_RESPONDER || this.#owed === 0) return;
    const owed = this.#owed;
    this.#owed = 0;
    this.#responder.onResponseCredit(owed);
  }
}
