import { LEAST_COST } from '../exchange/index.ts';
import { KIND } from './relay-packet.ts';

/**
 * Bytes of packets that a link holds back at a mark, each charged at least 256. Beyond it items are dropped, and what may be asked or told again.
 * @bound held-back
 */
export const MAX_HELD_BACK = 33_554_432;

/** Kinds that clients can do without: they recover what they have missed, and whoever asked gets no answer. */
const DROPPABLE: ReadonlySet<number | undefined> = new Set([KIND.items, KIND.lastIds, KIND.question]);

/** What comes after a mark, until the clients are there that it is for. */
export class HeldBack {
  #packets: Buffer[] = [];
  #bytes = 0;
  /** Whether packets were dropped. */
  dropped = false;

  /** Keeps a packet. Returns false, with nothing done, if too much is kept. */
  add(packet: Buffer): boolean {
    const cost = Math.max(LEAST_COST, packet.length);
    if (this.#bytes + cost > MAX_HELD_BACK && DROPPABLE.has(packet[0])) {
      this.dropped = true;
      return false;
    }
    this.#bytes += cost;
    this.#packets.push(packet);
    return true;
  }

  /** Gives the packets to `take`, in order. Where that returns another one, as with a mark, that keeps what is left. */
  release(take: (packet: Buffer) => HeldBack | null): void {
    const packets = this.#packets;
    this.#packets = [];
    for (let i = 0; i < packets.length; i++) {
      const next = take(packets[i] as Buffer);
      if (next === null) continue;
      for (const left of packets.slice(i + 1)) next.add(left);
      return;
    }
  }
}
