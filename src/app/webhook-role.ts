import type { TimerWheel } from '../clock/index.ts';
import type { Config } from '../config/index.ts';
import type { Log, OriginCounters } from '../exchange/index.ts';
import type { AppendableStore } from '../history/index.ts';
import { type Webhook, type WebhookCounters, Webhooks } from '../webhooks/index.ts';
import { queueOf } from './hook-rules.ts';
import { OwnClient } from './own-client.ts';

/** Milliseconds until a receiver has responded. */
const TIMEOUT = 15_000;

/** Bytes of its response, which nobody reads. */
const MAX_RESPONSE = 1_048_576;

type Tables = Config['webhooks'];

/** Sends the events of channels to the webhooks of the configuration. */
export class WebhookRole {
  readonly #client: OwnClient;
  readonly #webhooks: Webhooks;

  /** @param store where events wait; null while another process has them, or another node of a cluster sends them */
  constructor(
    { wheel, log }: { readonly wheel: TimerWheel; readonly log: Log },
    counters: { readonly webhooks: WebhookCounters; readonly client: OriginCounters },
    store: () => AppendableStore | null,
  ) {
    const ofClient = { id: 'webhook', timeout: TIMEOUT, maxBytes: MAX_RESPONSE };
    this.#client = new OwnClient({ wheel, log, counters: counters.client, ...ofClient });
    const means = { post: this.#client, counters: counters.webhooks, log };
    this.#webhooks = new Webhooks(means, store);
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
