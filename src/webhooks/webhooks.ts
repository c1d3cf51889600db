import { attempt, type Guarded, Ticker } from '../clock/index.ts';
import { reportFault } from '../exchange/index.ts';
import type { AppendableStore } from '../history/index.ts';
import { type Webhook, type WebhookMeans, WebhookSender } from './webhook-sender.ts';

/** Milliseconds between two looks at what waits: events that come in between go in one request. */
const TICK = 100;

/** Milliseconds that what waits has at the end. */
const STOP_TIME = 2_000;

/** All webhooks. Each has a sender of its own, so a slow receiver delays no other one. */
export class Webhooks implements Guarded {
  readonly #means: WebhookMeans;
  readonly #store: () => AppendableStore | null;
  #senders: readonly WebhookSender[] = [];
  #ticker: Ticker | null = null;

  /** @param store where events wait; null while another process has them */
  constructor(means: WebhookMeans, store: () => AppendableStore | null) {
    this.#means = means;
    this.#store = store;
  }

  /** Sends to these from now on. Those that were there go on where they are. */
  use(webhooks: readonly Webhook[]): void {
    const former = new Map(this.#senders.map((sender) => [sender.webhook.queue, sender]));
    this.#senders = webhooks.map((webhook) => {
      const sender = former.get(webhook.queue);
      // One with another secret or time starts over: it may be wanted again.
      if (sender === undefined || JSON.stringify(sender.webhook) !== JSON.stringify(webhook)) {
        return new WebhookSender(webhook, this.#means);
      }
      former.delete(webhook.queue);
      return sender;
    });
    for (const sender of former.values()) sender.stop();
    if (this.#senders.length > 0) this.#ticker ??= new Ticker(TICK, this, () => this.#tick(false));
  }

  /** Sends what waits for receivers that take it, for two seconds at most. */
  async stop(): Promise<void> {
    const end = performance.now() + STOP_TIME;
    // What a store was asked before may be answered without the last events.
    let knows = this.#senders.every(({ looks }) => !looks);
    while (this.#senders.length > 0 && performance.now() < end) {
      this.#tick(true);
      if (knows && this.#idle) break;
      await new Promise((resolve) => setTimeout(resolve, TICK));
      // A store may have answered meanwhile that nothing waits.
      if (knows && this.#idle) break;
      knows = true;
    }
    this.#ticker?.stop();
    for (const sender of this.#senders) sender.stop();
  }

  get #idle(): boolean {
    return this.#senders.every(({ idle }) => idle);
  }

  #tick(isLast: boolean): void {
    const store = this.#store();
    for (const sender of this.#senders) attempt(sender, () => sender.tick(store, isLast));
  }

  onFault(thrown: unknown): void {
    reportFault(this.#means, thrown);
  }
}
