import type { Part } from '../codec/zmtp/index.ts';
import type { Reach } from '../zhttp/index.ts';

/** The way of requests to handlers. It owns what waits for them, so that whoever uses it need not care how handlers come and go. */
export interface RequestLink {
  /**
   * Gives a packet to any one handler, as soon as one takes it.
   * @param id of the session that it begins, for `withdraw` and `onRefused`
   */
  offer(id: string, packet: Buffer | string): void;
  /** The packet of this session is not wanted any more. Returns whether it is certain that no handler gets it. */
  withdraw(id: string): boolean;
  /** Sends what waits, within a bounded time, and ends. */
  close(): Promise<void>;
}

/** The way to handlers with which sessions are held. */
export interface HandlerLink extends RequestLink {
  /**
   * What the handler of that address takes at present. After `FULL` the sink's `onReady` tells when it takes packets again; after
   * `UNKNOWN` it has to be asked again, because nobody may have that address.
   */
  reach(address: string): Reach;
  /**
   * Sends a packet to the handler of that address, after those that were sent before. Data of clients is sent only while `reach` says
   * `READY`. Other packets are taken at any time: they wait within bounds, beyond which they are lost.
   */
  route(address: string, packet: Part): void;
}

/** What a link tells. */
export interface RequestLinkSink {
  /** A packet of a handler, with its type byte and without an address. */
  onPacket(payload: Buffer): void;
  /** No handler has taken the packet of this session in time, or too much waits already: it has been dropped. */
  onRefused(id: string): void;
}

export interface HandlerLinkSink extends RequestLinkSink {
  /** The handler of this address, for which something waited, takes packets again. */
  onReady(address: string): void;
  /** A packet for this session was dropped: its handler is not there, or takes nothing. */
  onLost(id: string): void;
}
