import type { Fetcher } from '../client/index.ts';
import type { TokenKeys } from '../codec/grip/index.ts';
import type { Counters, Log } from '../exchange/index.ts';
import { JwksKeys, KEY_SET_TIMEOUT, MAX_KEY_SET_BYTES } from '../proxy/index.ts';
import { fetchWhole } from './fetch-whole.ts';

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
    return keys;
  }

  /** Forgets all sets but those at these URLs. */
  keep(urls: ReadonlySet<string>): void {
    for (const url of this.#byUrl.keys()) if (!urls.has(url)) this.#byUrl.delete(url);
  }
}

async function fetchDocument(fetcher: Fetcher, uri: string): Promise<Buffer> {
  const headers = ['Accept', 'application/jwk-set+json, application/json'];
  const limits = { timeout: KEY_SET_TIMEOUT, maxBytes: MAX_KEY_SET_BYTES };
  const { status, body } = await fetchWhole(fetcher, {
    id: 'jwks',
    method: 'GET',
    uri,
    headers,
    body: null,
    ...limits,
  });
  if (status !== 200) throw new Error(`the response has the status ${status}`);
  return body;
}
