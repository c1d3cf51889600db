/** Lets everything for one peer in one turn of the event loop leave in one write. */
export class FlushQueue {
  #queue: { flush(): void }[] = [];

  /** Calls `flush` at the end of this turn. */
  later(waiting: { flush(): void }): void {
    if (this.#queue.length === 0) setImmediate(() => this.#flush());
    this.#queue.push(waiting);
  }

  #flush(): void {
    const queue = this.#queue;
    this.#queue = [];
    for (const waiting of queue) waiting.flush();
  }
}
