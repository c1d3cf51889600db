import type { Part } from '../codec/zmtp/index.ts';

/** The way to the requesters. */
export interface ServerLink {
  /** Publishes a packet, which begins with the requester's address. */
  publish(packet: Part): void;
  /** Sends a packet over the ROUTER socket, after those that were sent to this requester before. */
  route(address: string, packet: Buffer): void;
  /** Whether the requester takes nothing over the ROUTER socket now. */
  isFull(address: string): boolean;
  /** Whether the requester gets what is published. */
  reaches(address: string): boolean;
  /** Responds to a request of req mode. @param envelope as it came */
  reply(envelope: readonly Buffer[], packet: Part): void;
  /** Lets requests wait where they are. Packets for sessions go on coming. */
  pause(): void;
  resume(): void;
  /** Takes no more requests in stream mode, and none of new peers in req mode. Those that have arrived are delivered at once. */
  drain(): void;
  /** Sends what waits, within a bounded time, and ends. */
  close(): Promise<void>;
}

/** What a link reports. Payloads have their type byte and no address. */
export interface ServerLinkSink {
  /** The first packet of a session. */
  onFirst(payload: Buffer): void;
  /** A further packet. */
  onFollowUp(payload: Buffer): void;
  /** A request of req mode. @param envelope what its response has to begin with */
  onRequest(envelope: Buffer[], payload: Buffer): void;
  /** Another requester gets what is published. Only links that wait for that tell. */
  onReachable(): void;
  /** A packet for this requester was dropped, because it takes nothing and too much waits for it. */
  onLost(address: string, packet: Buffer): void;
}
