import type { TimerWheel } from '../clock/index.ts';
import type { Part } from '../codec/zmtp/index.ts';
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
  /** Called for each packet that has left. */
  readonly onSent?: () => void;
  /** Called for packets to this peer that are dropped. */
  readonly onDropped: (address: string, packets: readonly Part[]) => void;
}

/** One peer that something waits for. */
interface Peer {
  readonly address: string;
  /** What waits, in its order. */
  packets: Part[];
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

  /** Whether anything waits for a peer that is connected. */
  get pending(): boolean {
    for (const { address } of this.#peers.values()) {
      if (this.#options.router.reaches(address)) return true;
    }
    return false;
  }

  /** Sends a packet to the peer of that address, after those that were sent to it before. */
  route(address: string, packet: Part): void {
    const { wheel, onDropped } = this.#options;
    const peer = this.#peers.get(address);
    if (peer !== undefined) {
      if (peer.packets.length < this.#maxWaiting) peer.packets.push(packet);
      else onDropped(address, [packet]);
      return;
    }
    if (this.#send(address, packet)) return;
    if (this.#peers.size < this.#maxPeers) {
      this.#peers.set(address, { address, packets: [packet], since: wheel.now });
    } else {
      onDropped(address, [packet]);
    }
  }

  /** The socket has room again, or a peer may have come: tries again, and gives up what has waited for too long. */
  retry(): void {
    const { wheel, patience } = this.#options;
    for (const peer of this.#peers.values()) {
      const { packets } = peer;
      let sent = 0;
      while (sent < packets.length && this.#send(peer.address, packets[sent] as Part)) sent++;
      if (sent > 0) {
        peer.packets = packets.slice(sent);
        peer.since = wheel.now;
      }
      if (peer.packets.length === 0) this.#peers.delete(peer.address);
      else if (wheel.now - peer.since >= patience) this.#giveUp(peer);
    }
  }

  /** For the end: drops all that waits. Returns how many packets that were; nobody is called. */
  clear(): number {
    let dropped = 0;
    for (const { packets } of this.#peers.values()) dropped += packets.length;
    this.#peers.clear();
    return dropped;
  }

  #giveUp({ address, packets }: Peer): void {
    this.#peers.delete(address);
    this.#options.onDropped(address, packets);
  }

  #send(address: string, packet: Part): boolean {
    // Envelope: an empty frame in front of the packet.
    if (!this.#options.router.sendTo(address, [EMPTY, packet])) return false;
    this.#options.onSent?.();
    return true;
  }
}
