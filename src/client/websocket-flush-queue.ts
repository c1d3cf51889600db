/** Lets everything for one peer in one turn of the event loop leave in one write. */
export class WebSocketFlushQueue {
  #waiting: { flush(): void }[] = [];

  /** Calls `flush` of `stream` at the end of this turn. */
  later(stream: { flush(): void }): void {
    if (this.#waiting.length === 0) setImmediate(() => this.#flush());
    this.#waiting.push(stream);
  }

  #flush(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const stream of waiting) stream.flush();
  }
}
