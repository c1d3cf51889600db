import { setTimeout } from 'node:timers/promises';
import type { SeededRandom } from '../seeded-random.ts';
import type { FaultyCluster, FaultyNode } from './faulty-cluster.ts';

/** An item of the model. */
export interface ClusterItem {
  readonly channel: string;
  /** Who has published it. */
  readonly by: number;
  /** When it was published first, in milliseconds since 1970. */
  readonly time: number;
  /** The run of the node that has accepted it; null when nobody knows whether it was. */
  at: string | null;
  /** The cursor that the publisher was told: it is kept. */
  cursor: string | null;
  /** Whether it was published again with the key of its request alone. */
  repeated: boolean;
  /** How it was published, for people. */
  readonly how: string[];
}

/** Milliseconds that publishers wait for a response. */
const PATIENCE = 8_000;

/** Publishes at all nodes of a cluster items that say which they are. Each publisher makes one request after the other. */
export class ClusterPublisher {
  readonly items: ClusterItem[] = [];
  readonly counts = new Map<string, number>();
  readonly last = new Map<string, number>();
  over = false;
  /** Responses by status; 0 for none. */
  readonly statuses = new Map<number, number>();
  readonly #cluster: FaultyCluster;
  readonly #channels: readonly string[];
  #publishers = 0;
  #waiters: { readonly count: number; readonly resolve: () => void }[] = [];

  constructor(cluster: FaultyCluster, channels: readonly string[]) {
    this.#cluster = cluster;
    this.#channels = channels;
  }

  channelOf(item: number): string | null {
    return this.items[item]?.channel ?? null;
  }

  /** Resolves when so many more items have been published, or no faults come any more. */
  more(count: number): Promise<void> {
    if (this.over) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push({ count: this.items.length + count, resolve }));
  }

  /** Publishes until `end`. @param prefers the node that it publishes at, mostly */
  async run(prefers: number, random: SeededRandom): Promise<void> {
    const by = this.#publishers++;
    while (!this.over) {
      const channels = Array.from({ length: 1 + random.below(4) }, () => random.pick(this.#channels));
      await this.#publish(by, prefers, channels, random);
      await setTimeout(random.below(60));
    }
  }

  /** No faults come any more: publishes the last items until all clients have them. @param running the publishers */
  async end(running: Promise<unknown>, clients: Promise<unknown>, random: SeededRandom): Promise<void> {
    this.over = true;
    this.#tell();
    await running;
    for (const channel of this.#channels) this.last.set(channel, this.items.length);
    let all = false;
    void clients.then(() => {
      all = true;
    });
    const by = this.#publishers++;
    while (!all) {
      await this.#publish(by, random.below(this.#cluster.nodes.length), this.#channels, random);
      await setTimeout(50);
    }
  }

  async #publish(by: number, prefers: number, channels: readonly string[], random: SeededRandom): Promise<void> {
    const numbers: number[] = [];
    const withIds = random.below(3) === 0;
    const key = random.below(3) === 0 ? `k${this.items.length}` : null;
    const how = [`by ${by}`, ...(withIds ? ['with an id'] : []), ...(key === null ? [] : ['with a key'])];
    const items = channels.map((channel) => {
      const number = this.items.length;
      numbers.push(number);
      this.items.push({ channel, by, time: Date.now(), at: null, cursor: null, repeated: false, how });
      this.counts.set(channel, (this.counts.get(channel) ?? 0) + 1);
      const text = `${number} ${'x'.repeat(random.below(random.below(8) === 0 ? 4_000 : 40))}`;
      const formats = {
        'http-stream': { content: `data: ${text}\n\n` },
        'http-response': { body: `${text}\n` },
        'ws-message': { content: text },
      };
      return { channel, formats, ...(withIds && { id: `i${number}` }) };
    });
    const body = JSON.stringify({ items });
    // What can be repeated is repeated, at any node.
    for (let tries = withIds || key !== null ? 5 : 1; tries > 0; tries--) {
      await this.#cluster.up();
      const own = this.#cluster.nodes[prefers] as FaultyNode;
      const node = own.program === null || random.below(10) === 0 ? random.pick(this.#cluster.running) : own;
      const { run } = node;
      const waits = random.below(2) === 0;
      const [status, cursors] = await this.#post(node, body, key, waits);
      how.push(`${this.#cluster.time}: ${status} at ${run}${waits ? ' with its cursor' : ''}`);
      if (cursors !== null) {
        for (const [index, number] of numbers.entries()) {
          Object.assign(this.items[number] as ClusterItem, { at: run, cursor: cursors[index] ?? null });
        }
        break;
      }
      // A node that died or hung has left its key to the next one, which does not know what it has done: ids say that.
      if (status === 0 && !withIds) break;
      if (!withIds) for (const number of numbers) (this.items[number] as ClusterItem).repeated = true;
      await setTimeout(100);
    }
    this.#tell();
  }

  /** Makes a request. Resolves with the status, 0 for none, and the cursors that it was told, perhaps of none; null when it does not know that the items were accepted. */
  async #post(
    { control }: FaultyNode,
    body: string,
    key: string | null,
    waits: boolean,
  ): Promise<[number, readonly (string | null)[] | null]> {
    const headers = {
      ...(key !== null && { 'Idempotency-Key': `"${key}"` }),
      // Then the response comes when the items are kept.
      ...(waits && { Prefer: 'return=representation' }),
    };
    const [status, text] = await this.#fetch(`http://127.0.0.1:${control}/publish`, { method: 'POST', body, headers });
    this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
    if (status !== 200) return [status, null];
    if (!text.startsWith('{')) return [status, []];
    const cursors = (JSON.parse(text) as { items: { cursor?: string | null }[] }).items.map(
      ({ cursor }) => cursor ?? null,
    );
    return [status, cursors];
  }

  async #fetch(url: string, init: RequestInit): Promise<[status: number, text: string]> {
    try {
      const response = await fetch(url, { ...init, signal: AbortSignal.timeout(PATIENCE) });
      return [response.status, await response.text()];
    } catch {
      // Nobody knows whether these were published.
      return [0, ''];
    }
  }

  #tell(): void {
    const due = this.#waiters.filter(({ count }) => this.over || count <= this.items.length);
    this.#waiters = this.#waiters.filter((each) => !due.includes(each));
    for (const { resolve } of due) resolve();
  }
}
