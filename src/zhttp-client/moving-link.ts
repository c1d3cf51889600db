import type { Socket } from 'node:net';
import { fault, guarded } from '../clock/index.ts';
import { NO_LIMITS, parseRequestPacket } from '../codec/zhttp/index.ts';
import { type Part, wholePart } from '../codec/zmtp/index.ts';
import { FULL, READY, type Reach, UNKNOWN } from '../zhttp/index.ts';
import type { HandlerLink, HandlerLinkSink } from './handler-link.ts';
import { LinkRelay, type LinkRelayOptions } from './link-relay.ts';
import type { OwnLink } from './own-link.ts';
import { partCost } from './relay-message.ts';
import { RelayedLink } from './relayed-link.ts';
import { WaitingRequests } from './waiting-requests.ts';

/**
 * Bytes of packets that wait while handlers move. Sessions hold the data of their clients back meanwhile.
 * @bound moving-packets
 */
const MAX_HELD_BYTES = 16_777_216;

/** Milliseconds for which handlers that go on with sessions of a process that has ended are told so. */
const AFTER_TIME = 60_000;

/** What moves the handlers of a link to another process sees of it. */
export interface Movable {
  /** What the ids of its sessions begin with, up to a hyphen. */
  readonly ids: string;
  /** Connects to the process that handlers are to move to, where `serve` was called. Settles when it is reached. */
  connect(socket: Socket): Promise<void>;
  /** Sends nothing to handlers, and takes nothing of them, until `release`. */
  hold(): void;
  /** The handlers that were connected to this process are connected to the other one: what is for them goes there. */
  follow(): void;
  /** @param input whether to take packets again of handlers that are connected to this process */
  release(input: boolean): void;
  /** The other process has failed: everything goes by the sockets of this one. */
  unfollow(): void;
  /** Lets another process use the handlers here. @param ids what the ids of its sessions begin with */
  serve(ids: string, socket: Socket): void;
  /** That process has ended. */
  leave(ids: string): void;
  /** Handlers have come from another process. */
  arrived(): void;
}

/**
 * A link whose handlers can move to another process while sessions of this one go on: what they send and what is for them then goes by way of the
 * other process, as if this one were one of its workers. And it can be the link that such a process uses.
 */
export class MovingLink implements HandlerLink, HandlerLinkSink, Movable {
  readonly ids: string;
  readonly #options: Omit<LinkRelayOptions, 'local'>;
  readonly #own: OwnLink;
  readonly #sink: HandlerLinkSink;
  /** The way by another process; used from `follow` on. */
  #next: RelayedLink | null = null;
  #following = false;
  #holding = false;
  readonly #requests = new WaitingRequests(Number.POSITIVE_INFINITY);
  #packets: (readonly [address: string, packet: Part])[] = [];
  #bytes = 0;
  /** Handlers that were said to take nothing because nothing is sent. */
  readonly #waiting = new Set<string>();
  /** Shares the handlers with another process. */
  #relay: LinkRelay | null = null;

  /**
   * @param ids what the ids of the sessions begin with, up to a hyphen
   * @param openOwn opens the sockets, which report to the link
   */
  constructor(
    options: Omit<LinkRelayOptions, 'local'>,
    ids: string,
    sink: HandlerLinkSink,
    openOwn: (sink: HandlerLinkSink) => OwnLink,
  ) {
    this.#options = options;
    this.ids = ids;
    this.#sink = sink;
    this.#own = openOwn(this);
  }

  // ---- to handlers

  offer(id: string, packet: Buffer | string): void {
    if (this.#holding) {
      if (!this.#requests.add(id, packet, 0)) this.#sink.onRefused(id);
    } else if (this.#following) {
      this.#next?.offer(id, packet);
    } else {
      this.#own.offer(id, packet);
    }
  }

  withdraw(id: string): boolean {
    if (this.#requests.remove(id) || this.#own.withdraw(id)) return true;
    return this.#following && this.#next?.withdraw(id) === true;
  }

  reach(address: string): Reach {
    if (this.#holding) {
      this.#waiting.add(address);
      return FULL;
    }
    const reach = this.#own.reach?.(address) ?? READY;
    return reach === UNKNOWN && this.#following ? (this.#next as RelayedLink).reach(address) : reach;
  }

  route(address: string, packet: Part): void {
    if (this.#holding) this.#keep(address, packet);
    else if (this.#following && this.#own.reach?.(address) === UNKNOWN) this.#next?.route(address, packet);
    else this.#own.route?.(address, packet);
  }

  #keep(address: string, packet: Part): void {
    const cost = partCost(packet);
    if (this.#bytes + cost > MAX_HELD_BYTES) {
      this.#options.counters.packetsUndelivered++;
      for (const { id } of parseRequestPacket(wholePart(packet), NO_LIMITS).ids) this.#sink.onLost(id);
      return;
    }
    this.#bytes += cost;
    this.#packets.push([address, packet]);
  }

  async close(): Promise<void> {
    await Promise.all([this.#relay?.close(), this.#own.close(), this.#next?.close()]);
  }

  // ---- from handlers

  onPacket(payload: Buffer): void {
    (this.#relay ?? this.#sink).onPacket(payload);
  }

  onRefused(id: string): void {
    (this.#relay ?? this.#sink).onRefused(id);
  }

  onReady(address: string): void {
    (this.#relay ?? this.#sink).onReady(address);
  }

  onWithdrawn(id: string): void {
    (this.#relay ?? this.#sink).onWithdrawn(id);
  }

  onLost(id: string): void {
    (this.#relay ?? this.#sink).onLost(id);
  }

  // ---- the handlers leave

  async connect(socket: Socket): Promise<void> {
    const { context, counters } = this.#options;
    this.#next = new RelayedLink(context, socket, this.#sink, 1, counters);
    await this.#next.ready();
  }

  hold(): void {
    this.#holding = true;
    this.#own.pauseInput();
  }

  follow(): void {
    const next = this.#next as RelayedLink;
    this.#following = true;
    for (const [id, packet] of this.#own.takeRequests()) next.offer(id, packet);
    for (const [address, packets] of this.#own.takeUnreached()) {
      for (const packet of packets) next.route(address, packet);
      // Sessions that were told to wait for it hear of it here.
      this.#waiting.add(address);
    }
  }

  release(input: boolean): void {
    this.#holding = false;
    for (const [id, packet] of this.#requests.takeAll()) this.offer(id, packet);
    const packets = this.#packets;
    this.#packets = [];
    this.#bytes = 0;
    for (const [address, packet] of packets) this.route(address, packet);
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const address of waiting) if (this.reach(address) === READY) this.#sink.onReady(address);
    if (input) this.#own.resumeInput();
  }

  unfollow(): void {
    this.#following = false;
    void this.#next?.close();
    this.#next = null;
    if (this.#holding) this.release(true);
    else this.#own.resumeInput();
  }

  get following(): boolean {
    return this.#following;
  }

  // ---- the handlers come

  serve(ids: string, socket: Socket): void {
    const target = {
      offer: (id: string, packet: Buffer | string) => this.offer(id, packet),
      withdraw: (id: string) => this.withdraw(id),
      reach: (address: string) => this.reach(address),
      route: (address: string, packet: Part) => this.route(address, packet),
      // The sockets stay when the other process has ended.
      close: () => Promise.resolve(),
    };
    this.#relay ??= new LinkRelay({ ...this.#options, local: { name: this.ids, sink: this.#sink } }, () => target);
    this.#relay.add(ids, socket);
  }

  leave(ids: string): void {
    const relay = this.#relay;
    if (relay === null) return;
    relay.remove(ids);
    const end = guarded(relay, () => {
      this.#relay = null;
      relay.close().catch((thrown: unknown) => fault(relay, thrown));
    });
    setTimeout(end, AFTER_TIME).unref();
  }

  arrived(): void {
    this.#own.retry();
  }
}
