import type { Part } from '../codec/zmtp/index.ts';

/** The way to those who ask. */
export interface ServerLink {
  /** Publishes a packet. It has the requester's address in front. */
  publish(packet: Part): void;
  /** Sends a packet by the ROUTER socket, after those that were sent to this requester before. */
  route(address: string, packet: Buffer): void;
  /** Whether the requester takes nothing by the ROUTER socket now. */
  isFull(address: string): boolean;
  /** Responds to a request of req mode. @param envelope as it came; the link keeps it */
  reply(envelope: Buffer[], packet: Buffer): void;
  /** Lets requests wait where they are. Packets for sessions go on coming. */
  pause(): void;
  resume(): void;
  /** Takes no more requests in stream mode, and from nobody new in req mode; those that are here already come at once. */
  drain(): void;
  /** Sends what waits, within a bounded time, and ends. */
  close(): Promise<void>;
}

/** What a link tells. Payloads have their type byte and no address. */
export interface ServerLinkSink {
  /** The first packet of a session. */
  onFirst(payload: Buffer): void;
  /** A further packet. */
  onFollowUp(payload: Buffer): void;
  /** A request of req mode. @param envelope what its answer has to begin with */
  onRequest(envelope: Buffer[], payload: Buffer): void;
  /** A packet for this requester was dropped, because it takes nothing and too much waits for it already. */
  onLost(address: string, packet: Buffer): void;
}
