import type { SeededRandom } from '../seeded-random.ts';
import type { RestartedServer } from './restarted-server.ts';

/** Publishes items that say which they are, one request after the other, and remembers them. */
export class ModelPublisher {
  /** Items of each channel so far, whether they were accepted or not. */
  readonly counts = new Map<string, number>();
  /** The first of the items with which the model ends, of each channel; empty before that. */
  readonly last = new Map<string, number>();
  /** Whether no faults come any more. */
  over = false;
  readonly #server: RestartedServer;
  readonly #random: SeededRandom;
  readonly #channels: readonly string[];
  /** Channel of each item, and its place there. */
  readonly #items: { readonly channel: string; readonly place: number }[] = [];
  /** Items whose request got its response. */
  readonly accepted: number[] = [];
  #waiters: { readonly count: number; readonly resolve: () => void }[] = [];

  constructor(server: RestartedServer, channels: readonly string[], random: SeededRandom) {
    this.#server = server;
    this.#channels = channels;
    this.#random = random;
  }

  get count(): number {
    return this.#items.length;
  }

  channelOf(item: number): string | null {
    return this.#items[item]?.channel ?? null;
  }

  /** How many items its channel had before this one. */
  placeOf(item: number): number {
    return this.#items[item]?.place ?? 0;
  }

  /** Resolves when so many more items have been published, or no faults come any more. */
  more(count: number): Promise<void> {
    if (this.over) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push({ count: this.count + count, resolve }));
  }

  /** Publishes a few items to random channels. */
  async step(): Promise<void> {
    await this.#publish(Array.from({ length: 1 + this.#random.below(5) }, () => this.#random.pick(this.#channels)));
  }

  /** No faults come any more: publishes the last items until all clients have them. */
  async end(clients: Promise<unknown>): Promise<void> {
    this.over = true;
    this.#tell();
    await this.#server.up();
    for (const channel of this.#channels) this.last.set(channel, this.count);
    let all = false;
    void clients.then(() => {
      all = true;
    });
    while (!all) await this.#publish(this.#channels);
  }

  async #publish(channels: readonly string[]): Promise<void> {
    await this.#server.up();
    const numbers: number[] = [];
    const items = channels.map((channel) => {
      const number = this.count;
      const place = this.counts.get(channel) ?? 0;
      this.#items.push({ channel, place });
      this.counts.set(channel, place + 1);
      numbers.push(number);
      const text = `${number} ${'x'.repeat(this.#random.below(8) === 0 ? this.#random.below(4_000) : this.#random.below(40))}`;
      const part = this.#random.below(5) === 0 ? 'data: part\n\n' : '';
      const content = `${part}data: ${text}\n\n${this.#random.below(5) === 0 ? ': comment\n\n' : ''}`;
      return { channel, formats: { 'http-stream': { content }, 'http-response': { body: `${text}\n` } } };
    });
    try {
      const response = await fetch(this.#server.publishUrl, { method: 'POST', body: JSON.stringify({ items }) });
      await response.text();
      if (response.status === 200) this.accepted.push(...numbers);
    } catch {
      // Nobody knows whether these were published.
    }
    this.#tell();
  }

  #tell(): void {
    const due = this.#waiters.filter(({ count }) => this.over || count <= this.count);
    this.#waiters = this.#waiters.filter((each) => !due.includes(each));
    for (const { resolve } of due) resolve();
  }
}
