import type { Part } from '../codec/zmtp/index.ts';
import type { Reach } from '../zhttp/index.ts';

/** Takes requests to handlers. It owns what waits for them, so its user need not know how handlers come and go. */
export interface RequestLink {
  /**
   * Gives a packet to any one handler, as soon as one takes it.
   * @param id of the session that it begins, for `withdraw` and `onRefused`
   */
  offer(id: string, packet: Buffer | string): void;
  /** Drops the packet of this session if it still waits. Returns whether it is certain that no handler gets it. */
  withdraw(id: string): boolean;
  /** Sends what waits, within a bounded time, and ends. */
  close(): Promise<void>;
}

/** Takes packets to handlers, for sessions of many packets. */
export interface HandlerLink extends RequestLink {
  /**
   * What the handler of that address takes at present. After `FULL` the sink's `onReady` tells when it takes packets again. After
   * `UNKNOWN` the caller has to ask again: the address may not exist.
   */
  reach(address: string): Reach;
  /**
   * Sends a packet to the handler of that address, after those that were sent before. Data of clients is sent only while `reach` says
   * `READY`. Other packets are taken at any time: they wait within bounds, beyond which they are lost.
   */
  route(address: string, packet: Part): void;
}

/** What a link reports. */
export interface RequestLinkSink {
  /** A packet of a handler, with its type byte and without an address. */
  onPacket(payload: Buffer): void;
  /** No handler has taken the packet of this session in time, or too much waits already: it has been dropped. */
  onRefused(id: string): void;
}

export interface HandlerLinkSink extends RequestLinkSink {
  /** The handler of this address, for which something waited, takes packets again. */
  onReady(address: string): void;
  /** No handler gets the first packet of this session, for which `withdraw` returned false because that was not known yet. */
  onWithdrawn(id: string): void;
  /** A packet for this session was dropped: its handler is not there, or takes nothing. */
  onLost(id: string): void;
}
