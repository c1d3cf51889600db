import { LEAST_COST } from '../exchange/index.ts';

/** Bytes of first packets that wait for a handler; further ones are refused. @bound waiting-requests */
const MAX_BYTES = 67_108_864;

interface Waiting {
  readonly packet: Buffer | string;
  /** When it is given up. */
  readonly deadline: number;
}

/** First packets that no handler has taken yet, in their order. */
export class WaitingRequests {
  readonly #patience: number;
  readonly #packets = new Map<string, Waiting>();
  #bytes = 0;

  /** @param patience milliseconds that each may wait */
  constructor(patience: number) {
    this.#patience = patience;
  }

  get size(): number {
    return this.#packets.size;
  }

  /** Returns false, and does nothing, when too much waits already. */
  add(id: string, packet: Buffer | string, now: number): boolean {
    const cost = costOf(packet);
    if (this.#bytes + cost > MAX_BYTES) return false;
    this.#bytes += cost;
    this.#packets.set(id, { packet, deadline: now + this.#patience });
    return true;
  }

  /** Returns whether it was there. */
  remove(id: string): boolean {
    const waiting = this.#packets.get(id);
    if (waiting === undefined) return false;
    this.#drop(id, waiting);
    return true;
  }

  /** Takes out all of them. */
  takeAll(): readonly (readonly [id: string, packet: Buffer | string])[] {
    const taken = Array.from(this.#packets, ([id, { packet }]) => [id, packet] as const);
    this.#packets.clear();
    this.#bytes = 0;
    return taken;
  }

  /** Gives the packets to `send`, one by one, until it returns false for one. */
  sendTo(send: (packet: Buffer | string) => boolean): void {
    for (const [id, waiting] of this.#packets) {
      if (!send(waiting.packet)) return;
      this.#drop(id, waiting);
    }
  }

  /** Takes out those that have waited for too long. All wait equally long, so they are the first ones. */
  expired(now: number): string[] {
    const ids: string[] = [];
    for (const [id, waiting] of this.#packets) {
      if (waiting.deadline > now) break;
      this.#drop(id, waiting);
      ids.push(id);
    }
    return ids;
  }

  #drop(id: string, waiting: Waiting): void {
    this.#packets.delete(id);
    this.#bytes -= costOf(waiting.packet);
  }
}

function costOf(packet: Buffer | string): number {
  return Math.max(LEAST_COST, packet.length);
}
