import type { TimerWheel } from '../net/index.ts';
import type { RouterSocket } from '../zmq/index.ts';

/** What a ROUTER socket has not taken yet. Times in milliseconds. */
export interface RouterOutboxOptions {
  /** With `mandatory`, so that it says what it does not take. */
  readonly router: RouterSocket;
  readonly wheel: TimerWheel;
  /** How long packets wait for a peer that takes none. */
  readonly patience: number;
  /** Packets that wait for one peer beyond its high-water mark; further ones are dropped. Default: 10,000. */
  readonly maxWaiting?: number;
  /** Peers for which something waits. Default: 1,000. */
  readonly maxPeers?: number;
  /** Called for each packet that is dropped. */
  readonly onDropped: (address: string, packet: Buffer) => void;
}

/** One peer that something waits for. */
interface Peer {
  readonly address: string;
  readonly routingId: Buffer;
  /** What waits, in its order. */
  packets: Buffer[];
  /** Since when it has taken nothing. */
  since: number;
}

const EMPTY = Buffer.alloc(0);

/** Packets on their way out of a ROUTER socket: for a peer that is not connected yet, or is slow, they wait, within bounds. */
export class RouterOutbox {
  readonly #options: RouterOutboxOptions;
  readonly #maxWaiting: number;
  readonly #maxPeers: number;
  readonly #peers = new Map<string, Peer>();

  constructor(options: RouterOutboxOptions) {
    this.#options = options;
    this.#maxWaiting = options.maxWaiting ?? 10_000;
    this.#maxPeers = options.maxPeers ?? 1_000;
  }

  /** Sends a packet to the peer of that address, after those that were sent to it before. */
  route(address: string, packet: Buffer): void {
    const { wheel, onDropped } = this.#options;
    const peer = this.#peers.get(address);
    if (peer !== undefined) {
      if (peer.packets.length < this.#maxWaiting) peer.packets.push(packet);
      else onDropped(address, packet);
      return;
    }
    const routingId = Buffer.from(address, 'latin1');
    if (this.#send(routingId, packet)) return;
    if (this.#peers.size < this.#maxPeers) {
      this.#peers.set(address, { address, routingId, packets: [packet], since: wheel.now });
    } else {
      onDropped(address, packet);
    }
  }

  /** The socket has room again, or a peer may have come: tries again, and gives up what has waited for too long. */
  retry(): void {
    const { wheel, patience } = this.#options;
    for (const peer of this.#peers.values()) {
      const { packets } = peer;
      let sent = 0;
      while (sent < packets.length && this.#send(peer.routingId, packets[sent] as Buffer)) sent++;
      if (sent > 0) {
        peer.packets = packets.slice(sent);
        peer.since = wheel.now;
      }
      if (peer.packets.length === 0) this.#peers.delete(peer.address);
      else if (wheel.now - peer.since >= patience) this.#giveUp(peer);
    }
  }

  /** Drops all that waits. */
  clear(): void {
    for (const peer of this.#peers.values()) this.#giveUp(peer);
  }

  #giveUp({ address, packets }: Peer): void {
    this.#peers.delete(address);
    for (const packet of packets) this.#options.onDropped(address, packet);
  }

  #send(routingId: Buffer, packet: Buffer): boolean {
    // ROUTER envelope: who, then an empty frame, then the packet.
    return this.#options.router.send([routingId, EMPTY, packet]);
  }
}
