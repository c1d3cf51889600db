import { fault, type Guarded } from '../clock/index.ts';
import type { ResponsePacket } from '../codec/zhttp/index.ts';
import { PACKET_COST } from '../zhttp/index.ts';

/**
 * Bytes of packets that wait in one session, for the end of a handoff or for a requester that takes nothing.
 * @bound zhttp-held-session
 */
export const MAX_HELD_BYTES = 1_048_576;

/**
 * Bytes of such packets in all sessions. At this bound the session that holds most is ended.
 * @bound zhttp-held-total
 */
export const MAX_HELD_TOTAL = 67_108_864;

/** A session that holds packets. */
export interface Holder extends Guarded {
  /** Too much is held: ends the session. */
  onHeldTooMuch(): void;
}

/** What all sessions of a role hold for their requesters. */
export class HeldBytes {
  bytes = 0;
  readonly holders = new Set<HeldPackets>();

  /** Ends the sessions that hold most, until what is held is within its bound. */
  shrink(): void {
    while (this.bytes > MAX_HELD_TOTAL) {
      let largest: HeldPackets | null = null;
      for (const held of this.holders) {
        if (largest === null || held.bytes > largest.bytes) largest = held;
      }
      if (largest === null) return;
      largest.giveUp();
    }
  }
}

/** Packets of one session that wait, in order. */
export class HeldPackets {
  bytes = 0;
  readonly #total: HeldBytes;
  readonly #holder: Holder;
  readonly #packets: ResponsePacket[] = [];

  constructor(total: HeldBytes, holder: Holder) {
    this.#total = total;
    this.#holder = holder;
    total.holders.add(this);
  }

  /** Keeps a packet. If that is too much, the holder is called before this returns. */
  add(packet: ResponsePacket): void {
    const cost = Math.max(PACKET_COST, packet.body.length);
    this.bytes += cost;
    this.#total.bytes += cost;
    this.#packets.push(packet);
    if (this.bytes > MAX_HELD_BYTES) this.giveUp();
    else this.#total.shrink();
  }

  /** Gives all packets back, and counts them no longer. */
  release(): readonly ResponsePacket[] {
    this.#total.bytes -= this.bytes;
    this.bytes = 0;
    this.#total.holders.delete(this);
    return this.#packets;
  }

  /** Drops all packets, and ends the session. */
  giveUp(): void {
    this.release();
    try {
      this.#holder.onHeldTooMuch();
    } catch (thrown) {
      fault(this.#holder, thrown);
    }
  }
}
