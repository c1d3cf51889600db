import type { Socket } from 'node:net';
import { NO_LIMITS, parseRequestPacket } from '../codec/zhttp/index.ts';
import { type Part, wholePart } from '../codec/zmtp/index.ts';
import { FULL, READY, type Reach, type SessionCounters } from '../zhttp/index.ts';
import { DealerSocket, type ZmqContext } from '../zmq/index.ts';
import type { HandlerLink, HandlerLinkSink } from './handler-link.ts';
import {
  contentOf,
  HELLO,
  keyOf,
  kindOf,
  LOST,
  OFFER,
  PACKET,
  partCost,
  REACH,
  REFUSED,
  RELAY_OPTIONS,
  ROUTE,
  ROUTED,
  relayMessage,
  WITHDRAW,
  WITHDRAWN,
} from './relay-message.ts';

/**
 * Bytes that all processes together may have on their way to the relay, for it learns only there that a handler takes no more.
 * @bound relay-window
 */
const WINDOW = 524_288;

/** Bytes that each process may have on their way, however many there are. */
const LEAST_WINDOW = 16_384;

/**
 * The link of a process that serves connections, when another process has the ZeroMQ endpoints: a `LinkRelay` there does what is
 * requested here, and tells which handlers take packets.
 */
export class RelayedLink implements HandlerLink {
  readonly #dealer: DealerSocket;
  readonly #sink: HandlerLinkSink;
  readonly #counters: SessionCounters;
  readonly #window: number;
  /** Bytes of packets that were sent to the relay, and not routed yet. */
  #underway = 0;
  /** Handlers that do not take packets at present. */
  readonly #reaches = new Map<string, Reach>();
  /** Handlers that were said to be full only because too much was on its way. */
  readonly #waiting = new Set<string>();
  #onConnected: () => void = () => {};

  /**
   * @param socket connected to the relay
   * @param processes that share the relay
   */
  constructor(
    context: ZmqContext,
    socket: Socket,
    sink: HandlerLinkSink,
    processes: number,
    counters: SessionCounters,
  ) {
    this.#sink = sink;
    this.#counters = counters;
    this.#window = Math.max(LEAST_WINDOW, Math.floor(WINDOW / processes));
    this.#dealer = new DealerSocket(
      context,
      RELAY_OPTIONS,
      (parts) => this.#take(parts[0] as Buffer),
      () => this.#onConnected(),
    );
    this.#dealer.adopt(socket, true);
  }

  /** Settles when the relay is reached. */
  ready(): Promise<void> {
    return new Promise((resolve) => {
      this.#onConnected = () => {
        if (this.#send(HELLO, '')) resolve();
      };
      this.#onConnected();
    });
  }

  offer(id: string, packet: Buffer | string): void {
    // The relay reads too slowly: the request is refused, as where no handler takes it.
    if (!this.#send(OFFER, id, packet)) this.#sink.onRefused(id);
  }

  /** It is not known here whether a handler has it. The relay tells the sink if none has. */
  withdraw(id: string): boolean {
    this.#send(WITHDRAW, id);
    return false;
  }

  reach(address: string): Reach {
    if (this.#underway >= this.#window) {
      this.#waiting.add(address);
      return FULL;
    }
    return this.#reaches.size === 0 ? READY : (this.#reaches.get(address) ?? READY);
  }

  route(address: string, packet: Part): void {
    if (this.#send(ROUTE, address, packet)) this.#underway += partCost(packet);
    else this.#onUnsent(packet);
  }

  /** The relay reads too slowly. */
  #onUnsent(packet: Part): void {
    this.#counters.packetsUndelivered++;
    for (const { id } of parseRequestPacket(wholePart(packet), NO_LIMITS).ids) this.#sink.onLost(id);
  }

  close(): Promise<void> {
    return this.#dealer.close();
  }

  #send(kind: number, key: string, content?: Part): boolean {
    return this.#dealer.send([relayMessage(kind, key, content)]);
  }

  #take(message: Buffer): void {
    switch (kindOf(message)) {
      case PACKET:
        this.#sink.onPacket(contentOf(message));
        break;
      case REFUSED:
        this.#sink.onRefused(keyOf(message));
        break;
      case WITHDRAWN:
        this.#sink.onWithdrawn(keyOf(message));
        break;
      case LOST:
        this.#sink.onLost(keyOf(message));
        break;
      case ROUTED:
        this.#onRouted(contentOf(message).readUInt32BE());
        break;
      case REACH:
        this.#onReach(keyOf(message), contentOf(message)[0] as Reach);
    }
  }

  #onRouted(bytes: number): void {
    this.#underway -= bytes;
    if (this.#waiting.size === 0 || this.#underway >= this.#window) return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    // The first ones may use the window up: `reach` lets the others wait again then.
    for (const address of waiting) if (this.reach(address) === READY) this.#sink.onReady(address);
  }

  #onReach(address: string, reach: Reach): void {
    if (reach !== READY) {
      this.#reaches.set(address, reach);
      return;
    }
    this.#reaches.delete(address);
    if (this.reach(address) === READY) this.#sink.onReady(address);
  }
}
