/**
 * Channels and patterns that a client has left since it has asked the log: the answer may have items of them. It has none of those that the client was subscribed to after it had asked: these are
 * not noted when they are left, so there are never more than it had then, however often it comes and goes.
 */
export class LeftKeys {
  readonly #left = new Set<string>();
  readonly #joined = new Set<string>();

  /** Those that are noted. */
  get size(): number {
    return this.#left.size;
  }

  has(key: string): boolean {
    return this.#left.has(key);
  }

  /** The client is subscribed to it now. */
  join(key: string): void {
    this.#joined.add(key);
  }

  part(key: string): void {
    if (!this.#joined.delete(key)) this.#left.add(key);
  }
}
