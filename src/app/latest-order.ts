import type { WorkerOrder } from './worker-messages.ts';

/**
 * Orders of one kind for a process, each of which takes the place of those before it. One is on its way at a time: the process may be stopped, and
 * an order as large as the routes.
 */
export class LatestOrder {
  readonly #send: (order: WorkerOrder, onSent: () => void) => void;
  #sending = false;
  #next: WorkerOrder | null = null;

  /** @param send calls `onSent`, later, once the order has left this process */
  constructor(send: (order: WorkerOrder, onSent: () => void) => void) {
    this.#send = send;
  }

  give(order: WorkerOrder): void {
    if (this.#sending) {
      this.#next = order;
      return;
    }
    this.#sending = true;
    this.#send(order, () => this.#onSent());
  }

  #onSent(): void {
    const next = this.#next;
    this.#sending = false;
    this.#next = null;
    if (next !== null) this.give(next);
  }
}
