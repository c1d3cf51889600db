import type { HttpClient } from '../client/index.ts';
import type { TimerWheel } from '../clock/index.ts';
import { fieldValue, parseRetryAfter } from '../codec/fields/index.ts';
import type { Config } from '../config/index.ts';
import type { HeaderList, Log, OriginCounters } from '../exchange/index.ts';
import {
  type PostedEvents,
  type Webhook,
  type WebhookCounters,
  type WebhookPost,
  Webhooks,
} from '../webhooks/index.ts';
import { fetchWhole } from './fetch-whole.ts';
import type { HistoryRole } from './history-role.ts';
import { queueOf } from './hook-rules.ts';
import { ownFetcher } from './own-fetcher.ts';

/** Milliseconds until a receiver has responded. */
const TIMEOUT = 15_000;

/** Bytes of its response, which nobody reads. */
const MAX_RESPONSE = 1_048_576;

type Tables = Config['webhooks'];

/** Sends the events of channels to the webhooks of the configuration. */
export class WebhookRole {
  readonly #client: HttpClient;
  readonly #webhooks: Webhooks;

  /** @param history where events wait */
  constructor(
    means: { readonly wheel: TimerWheel; readonly log: Log },
    counters: { readonly webhooks: WebhookCounters; readonly client: OriginCounters },
    history: HistoryRole,
  ) {
    const { client, fetcher } = ownFetcher({ ...means, counters: counters.client });
    this.#client = client;
    const post: WebhookPost = {
      post: (url, headers, body, done) => {
        const request = { id: 'webhook', method: 'POST', uri: url, headers, body };
        fetchWhole(fetcher, { ...request, timeout: TIMEOUT, maxBytes: MAX_RESPONSE }).then(
          (response) => done(postedOf(response)),
          ({ message }: Error) => done({ status: 0, retryAfter: 0, reason: message }),
        );
      },
    };
    this.#webhooks = new Webhooks({ post, counters: counters.webhooks, log: means.log }, () =>
      history.given ? null : history.store,
    );
  }

  /** Sends to these from now on. */
  use(tables: Tables): void {
    this.#webhooks.use(tables.map(webhookOf));
  }

  async stop(): Promise<void> {
    await this.#webhooks.stop();
    this.#client.close();
  }
}

function webhookOf({ url, secret, match, retryTime }: Tables[number]): Webhook {
  return { url, secret, queue: queueOf(url, match), retryTime: retryTime * 1_000 };
}

function postedOf({ status, headers }: { status: number; headers: HeaderList }): PostedEvents {
  return { status, retryAfter: parseRetryAfter(fieldValue(headers, 'retry-after'), Date.now()) ?? 0, reason: '' };
}
