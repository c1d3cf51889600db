/** Events that wait cost at least so many bytes. */
const EVENT_COST = 256;

/**
 * Bytes of events that wait for the program, beyond which the server's messages are not read.
 * @bound mongrel2-handler-events
 */
const MAX_WAITING = 1_048_576;

interface Waiter<T> {
  readonly resolve: (result: IteratorResult<T, undefined>) => void;
}

/** Events between a socket and the one loop that takes them. */
export class WaitingEvents<T> implements AsyncIterableIterator<T, undefined> {
  readonly #onRoom: (room: boolean) => void;
  #events: { readonly event: T; readonly cost: number }[] = [];
  #cost = 0;
  #full = false;
  #ended = false;
  readonly #waiters: Waiter<T>[] = [];

  /** @param onRoom called with false when it is full, and with true when it has room again */
  constructor(onRoom: (room: boolean) => void) {
    this.#onRoom = onRoom;
  }

  /** @param bytes of the event's body */
  add(event: T, bytes: number): void {
    if (this.#ended) return;
    const waiter = this.#waiters.shift();
    if (waiter !== undefined) {
      waiter.resolve({ value: event, done: false });
      return;
    }
    const cost = Math.max(bytes, EVENT_COST);
    this.#events.push({ event, cost });
    this.#cost += cost;
    if (this.#cost >= MAX_WAITING && !this.#full) {
      this.#full = true;
      this.#onRoom(false);
    }
  }

  /** Nothing more comes. What waits is dropped. */
  end(): void {
    this.#ended = true;
    this.#events = [];
    for (const { resolve } of this.#waiters.splice(0)) resolve({ value: undefined, done: true });
  }

  next(): Promise<IteratorResult<T, undefined>> {
    const first = this.#events.shift();
    if (first === undefined) {
      if (this.#ended) return Promise.resolve({ value: undefined, done: true });
      return new Promise((resolve) => this.#waiters.push({ resolve }));
    }
    this.#cost -= first.cost;
    if (this.#full && this.#cost < MAX_WAITING / 2) {
      this.#full = false;
      this.#onRoom(true);
    }
    return Promise.resolve({ value: first.event, done: false });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
