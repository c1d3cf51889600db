import type { Guarded } from '../clock/index.ts';
import { Ticker } from '../clock/index.ts';
import { type Counters, MetricsText } from '../exchange/index.ts';

/** Milliseconds between two looks at how many connections there are. */
const TICK = 1_000;

/** What Pushpin's metrics show. */
export type PushpinCounts = Pick<Counters, 'requests' | 'connectionsOpen' | 'itemsPublished' | 'itemsDelivered'>;

/** The metrics of Pushpin's `prometheus_port`, with their original names. */
export class PushpinMetrics {
  readonly #read: () => PushpinCounts;
  readonly #prefix: string;
  readonly #ticker: Ticker;
  #connectionMs = 0;

  /** @param read gives the counters of the proxy and the hub @param prefix put in front of each name */
  constructor(read: () => PushpinCounts, prefix: string, owner: Guarded) {
    this.#read = read;
    this.#prefix = prefix;
    this.#ticker = new Ticker(TICK, owner, () => {
      this.#connectionMs += read().connectionsOpen * TICK;
    });
  }

  /** Minutes that clients were connected, of all clients. */
  get connectionMinutes(): number {
    return Math.floor(this.#connectionMs / 60_000);
  }

  get text(): string {
    const { requests, connectionsOpen, itemsPublished, itemsDelivered } = this.#read();
    const rows: readonly (readonly [string, 'counter' | 'gauge', number, string])[] = [
      ['request_received', 'counter', requests, 'Number of requests received'],
      ['connection_connected', 'gauge', connectionsOpen, 'Number of concurrent connections'],
      ['connection_minute', 'counter', this.connectionMinutes, 'Number of minutes clients have been connected'],
      ['message_received', 'counter', itemsPublished, 'Number of messages received by the publish API'],
      ['message_sent', 'counter', itemsDelivered, 'Number of messages sent to clients'],
    ];
    const metrics = new MetricsText();
    for (const [name, type, value, help] of rows) {
      metrics.begin(`${this.#prefix}${name}`, type, help);
      metrics.sample(`${this.#prefix}${name}`, value);
    }
    return metrics.text;
  }

  stop(): void {
    this.#ticker.stop();
  }
}
