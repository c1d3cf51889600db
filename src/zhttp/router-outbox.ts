import type { TimerWheel } from '../clock/index.ts';
import type { Part } from '../codec/zmtp/index.ts';
import { LEAST_COST } from '../exchange/index.ts';
import type { RouterSocket } from '../zmq/index.ts';

/** The peer takes packets. */
export const READY = 0;
/** The peer is connected, and takes none for now. */
export const FULL = 1;
/** No peer of that address is connected yet, or there is none. */
export const UNKNOWN = 2;

/** What a peer takes at present. */
export type Reach = typeof READY | typeof FULL | typeof UNKNOWN;

/** What a ROUTER socket has not taken yet. Times in milliseconds. */
export interface RouterOutboxOptions {
  /** With `mandatory`, so that it says what it does not take. */
  readonly router: Pick<RouterSocket, 'reaches' | 'sendTo'>;
  readonly wheel: TimerWheel;
  /** How long packets wait for a connected peer that takes none. */
  readonly patience: number;
  /** Called for each packet that has left. */
  readonly onSent?: () => void;
  /** Called for packets to this peer that are dropped. */
  readonly onDropped: (address: string, packets: readonly Part[]) => void;
  /** Called when a peer for which something waited takes packets again. */
  readonly onReady?: (address: string) => void;
}

/** Bytes that wait for one connected peer. @bound outbox-peer */
const MAX_PEER_BYTES = 1_048_576;

/** Bytes that wait for all connected peers. @bound outbox-total */
const MAX_TOTAL_BYTES = 67_108_864;

/** Bytes that wait for one address that is not connected. @bound outbox-unknown-peer */
const MAX_UNKNOWN_PEER_BYTES = 65_536;

/** Bytes that wait for all addresses that are not connected. @bound outbox-unknown-total */
const MAX_UNKNOWN_BYTES = 4_194_304;

/** Milliseconds that packets wait for an address that is not connected. @bound outbox-unknown-time */
export const UNKNOWN_PATIENCE = 5_000;

/** One peer that something waits for. */
interface Peer {
  readonly address: string;
  /** What waits, in its order. */
  packets: Part[];
  bytes: number;
  /** Whether it was connected when it was looked at last. */
  known: boolean;
  /** Since when it has taken nothing, or has not been connected. */
  since: number;
}

const EMPTY = Buffer.alloc(0);

/**
 * Packets on their way out of a ROUTER socket. What a slow peer does not take, and what is for a peer that is not connected yet, waits
 * here within bounds. Senders ask with `reach` first and hold their data back, so that little more than the end of sessions ever waits.
 */
export class RouterOutbox {
  readonly #options: RouterOutboxOptions;
  readonly #peers = new Map<string, Peer>();
  /** Bytes that wait for connected peers, and for others. */
  #knownBytes = 0;
  #unknownBytes = 0;

  constructor(options: RouterOutboxOptions) {
    this.#options = options;
  }

  /** Whether anything waits for a peer that is connected. */
  get pending(): boolean {
    for (const { address } of this.#peers.values()) {
      if (this.#options.router.reaches(address)) return true;
    }
    return false;
  }

  /** What the peer of that address takes at present. */
  reach(address: string): Reach {
    if (!this.#options.router.reaches(address)) return UNKNOWN;
    return this.#peers.size > 0 && this.#peers.has(address) ? FULL : READY;
  }

  /** Sends a packet to the peer of that address, after those that were sent to it before. */
  route(address: string, packet: Part): void {
    const peer = this.#peers.get(address);
    if (peer === undefined && this.#send(address, packet)) return;
    const known = this.#options.router.reaches(address);
    const cost = costOf(packet);
    if (!this.#hasRoom(known, (peer?.bytes ?? 0) + cost, cost)) {
      this.#options.onDropped(address, [packet]);
      return;
    }
    if (peer !== undefined) {
      this.#look(peer, known);
      peer.packets.push(packet);
      peer.bytes += cost;
    } else {
      this.#peers.set(address, { address, packets: [packet], bytes: cost, known, since: this.#options.wheel.now });
    }
    this.#count(known, cost);
  }

  /** The socket has room again, or a peer may have come: tries again, and gives up what has waited for too long. */
  retry(): void {
    if (this.#peers.size === 0) return;
    const { wheel, patience, router, onReady } = this.#options;
    // Those that may continue may add to what waits.
    for (const peer of [...this.#peers.values()]) {
      this.#look(peer, router.reaches(peer.address));
      if (peer.known) this.#sendWaiting(peer);
      if (peer.packets.length === 0) {
        this.#peers.delete(peer.address);
        onReady?.(peer.address);
      } else if (wheel.now - peer.since >= (peer.known ? patience : UNKNOWN_PATIENCE)) {
        this.#giveUp(peer);
      }
    }
  }

  /** Takes out what waits for peers that are not connected. */
  takeUnreached(): readonly (readonly [address: string, packets: readonly Part[]])[] {
    const taken: [string, readonly Part[]][] = [];
    for (const peer of [...this.#peers.values()]) {
      const { address, packets, bytes } = peer;
      if (this.#options.router.reaches(address)) continue;
      this.#peers.delete(address);
      this.#count(peer.known, -bytes);
      taken.push([address, packets]);
    }
    return taken;
  }

  /** For the end: drops all that waits. Returns the number of packets; makes no calls. */
  clear(): number {
    let dropped = 0;
    for (const { packets } of this.#peers.values()) dropped += packets.length;
    this.#peers.clear();
    this.#knownBytes = 0;
    this.#unknownBytes = 0;
    return dropped;
  }

  #hasRoom(known: boolean, peerBytes: number, cost: number): boolean {
    // A connected peer gets one packet of any size: it was bounded where it came from.
    if (known) return (peerBytes === cost || peerBytes <= MAX_PEER_BYTES) && this.#knownBytes + cost <= MAX_TOTAL_BYTES;
    return peerBytes <= MAX_UNKNOWN_PEER_BYTES && this.#unknownBytes + cost <= MAX_UNKNOWN_BYTES;
  }

  /** Takes note of a peer that has come, or gone: the time it is given begins again. */
  #look(peer: Peer, known: boolean): void {
    if (peer.known === known) return;
    this.#count(peer.known, -peer.bytes);
    this.#count(known, peer.bytes);
    peer.known = known;
    peer.since = this.#options.wheel.now;
  }

  #count(known: boolean, bytes: number): void {
    if (known) this.#knownBytes += bytes;
    else this.#unknownBytes += bytes;
  }

  #sendWaiting(peer: Peer): void {
    const { packets } = peer;
    let sent = 0;
    let bytes = 0;
    while (sent < packets.length && this.#send(peer.address, packets[sent] as Part)) {
      bytes += costOf(packets[sent] as Part);
      sent++;
    }
    if (sent === 0) return;
    peer.packets = packets.slice(sent);
    peer.bytes -= bytes;
    this.#count(true, -bytes);
    peer.since = this.#options.wheel.now;
  }

  #giveUp(peer: Peer): void {
    const { address, packets, known, bytes } = peer;
    this.#peers.delete(address);
    this.#count(known, -bytes);
    this.#options.onDropped(address, packets);
  }

  #send(address: string, packet: Part): boolean {
    // Envelope: an empty frame in front of the packet.
    if (!this.#options.router.sendTo(address, [EMPTY, packet])) return false;
    this.#options.onSent?.();
    return true;
  }
}

function costOf(packet: Part): number {
  if (typeof packet === 'string' || Buffer.isBuffer(packet)) return Math.max(LEAST_COST, packet.length);
  let bytes = 0;
  for (const piece of packet) bytes += piece.length;
  return Math.max(LEAST_COST, bytes);
}
