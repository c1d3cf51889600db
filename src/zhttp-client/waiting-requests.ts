/** First packets that no handler has taken yet, in their order, each with the moment at which it is given up. */
export class WaitingRequests {
  readonly #patience: number;
  readonly #packets = new Map<string, { readonly packet: Buffer; readonly deadline: number }>();

  /** @param patience milliseconds that each may wait */
  constructor(patience: number) {
    this.#patience = patience;
  }

  get size(): number {
    return this.#packets.size;
  }

  add(id: string, packet: Buffer, now: number): void {
    this.#packets.set(id, { packet, deadline: now + this.#patience });
  }

  /** Returns whether it was there. */
  remove(id: string): boolean {
    return this.#packets.delete(id);
  }

  /** Gives the packets to `send`, one by one, until it returns false for one. */
  sendTo(send: (packet: Buffer) => boolean): void {
    for (const [id, { packet }] of this.#packets) {
      if (!send(packet)) return;
      this.#packets.delete(id);
    }
  }

  /** Takes out those that have waited for too long. All wait equally long, so they are the first ones. */
  expired(now: number): string[] {
    const ids: string[] = [];
    for (const [id, { deadline }] of this.#packets) {
      if (deadline > now) break;
      ids.push(id);
    }
    for (const id of ids) this.#packets.delete(id);
    return ids;
  }
}
