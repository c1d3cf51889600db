/** Who has asked for messages that begin with what. */
export class TopicTable<T> {
  /** By topic in latin1, which maps bytes to characters one to one. */
  readonly #topics = new Map<string, Set<T>>();
  readonly #bySubscriber = new Map<T, Set<string>>();
  /** How many topics there are of each length: a message is looked up once for each length. */
  readonly #lengths = new Map<number, number>();

  /** Number of topics that the subscriber has asked for. */
  count(subscriber: T): number {
    return this.#bySubscriber.get(subscriber)?.size ?? 0;
  }

  has(subscriber: T, topic: string): boolean {
    return this.#topics.get(topic)?.has(subscriber) === true;
  }

  /** Returns whether the subscriber is the first one that asks for this topic. */
  add(subscriber: T, topic: string): boolean {
    const topics = this.#bySubscriber.get(subscriber);
    if (topics === undefined) this.#bySubscriber.set(subscriber, new Set([topic]));
    else topics.add(topic);
    const subscribers = this.#topics.get(topic);
    if (subscribers !== undefined) {
      subscribers.add(subscriber);
      return false;
    }
    this.#topics.set(topic, new Set([subscriber]));
    this.#lengths.set(topic.length, (this.#lengths.get(topic.length) ?? 0) + 1);
    return true;
  }

  /** Returns whether the subscriber was the last one that asked for this topic. */
  remove(subscriber: T, topic: string): boolean {
    const topics = this.#bySubscriber.get(subscriber);
    if (topics === undefined || !topics.delete(topic)) return false;
    if (topics.size === 0) this.#bySubscriber.delete(subscriber);
    const subscribers = this.#topics.get(topic) as Set<T>;
    subscribers.delete(subscriber);
    if (subscribers.size > 0) return false;
    this.#topics.delete(topic);
    const left = (this.#lengths.get(topic.length) as number) - 1;
    if (left === 0) this.#lengths.delete(topic.length);
    else this.#lengths.set(topic.length, left);
    return true;
  }

  /** The topics that the subscriber has asked for. */
  of(subscriber: T): string[] {
    return [...(this.#bySubscriber.get(subscriber) ?? [])];
  }

  /** Calls `visit` with each subscriber that has asked for a beginning of `message`; for each of several beginnings. */
  match(message: Buffer, visit: (subscriber: T) => void): void {
    for (const length of this.#lengths.keys()) {
      if (length > message.length) continue;
      const subscribers = this.#topics.get(message.toString('latin1', 0, length));
      if (subscribers !== undefined) for (const subscriber of subscribers) visit(subscriber);
    }
  }

  /** Whether anybody has asked for a beginning of `message`. */
  matches(message: Buffer): boolean {
    for (const length of this.#lengths.keys()) {
      if (length <= message.length && this.#topics.has(message.toString('latin1', 0, length))) return true;
    }
    return false;
  }
}
