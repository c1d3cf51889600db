import type { Part } from '../codec/zmtp/index.ts';

/** The way of requests to handlers. It owns what waits for them, so that whoever uses it need not care how handlers come and go. */
export interface RequestLink {
  /**
   * Gives a packet to any one handler, as soon as one takes it.
   * @param id of the session that it begins, for `withdraw` and `onRefused`
   */
  offer(id: string, packet: Buffer): void;
  /** The packet of this session is not wanted any more. Returns whether it is certain that no handler gets it. */
  withdraw(id: string): boolean;
  /** Sends what waits, within a bounded time, and ends. */
  close(): Promise<void>;
}

/** The way to handlers with which conversations are held. */
export interface HandlerLink extends RequestLink {
  /** Sends a packet to the handler of that address, after those that were sent before. */
  route(address: string, packet: Part): void;
}

/** What a link tells. */
export interface RequestLinkSink {
  /** A packet of a handler, with its type byte and without an address. */
  onPacket(payload: Buffer): void;
  /** No handler has taken the packet of this session in time; it has been dropped. */
  onRefused(id: string): void;
}

export interface HandlerLinkSink extends RequestLinkSink {
  /** A packet for this session was dropped, because its handler takes nothing and too much waits for it already. */
  onLost(id: string): void;
}
