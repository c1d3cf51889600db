import { listBytes } from '../codec/fields/index.ts';
import {
  encodeResponsePacket,
  encodeResponsePart,
  type PacketFormat,
  type RequestPacket,
  type ResponsePacket,
  type SessionRef,
} from '../codec/zhttp/index.ts';
import { type ByteHolder, ownCopy } from '../exchange/index.ts';
import type { ServerHost } from './server-host.ts';

/**
 * Bytes of packets that wait in one session, for the end of a handoff or for a requester that takes nothing.
 * @bound zhttp-held-session
 */
export const MAX_HELD_BYTES = 1_048_576;

/** The way to the requester of one session: addresses and numbers its packets, and keeps those that have to wait. */
export class RequesterPath {
  /** What the requester calls the session, empty for nothing. */
  readonly id: string;
  /** Address of the requester, empty if there is none. */
  from: string;
  /** Whether the requester takes packets for many sessions at once. */
  multi: boolean;
  /** How the requester writes its packets, and how packets for it are written. */
  readonly format: PacketFormat;
  /** Whether it is reached over the ROUTER socket. */
  readonly byRouter: boolean;
  readonly #host: ServerHost;
  readonly #holder: ByteHolder;
  readonly #envelope: Buffer[] | null;
  readonly #userData: Buffer | null;
  /** Number of the packet that is sent next. */
  #nextOut = 0;
  /** What waits during a handoff, or while the requester takes nothing; null for nothing. */
  #held: ResponsePacket[] | null = null;

  /**
   * @param packet the first one
   * @param envelope what the one response begins with, in req mode; null in stream mode
   * @param holder is called when too much waits
   */
  constructor(
    host: ServerHost,
    packet: RequestPacket,
    format: PacketFormat,
    envelope: Buffer[] | null,
    holder: ByteHolder,
  ) {
    const { ids, from, multi, routerResp, userData } = packet;
    this.id = ids[0]?.id ?? '';
    this.from = from;
    this.multi = multi;
    this.format = format;
    this.byRouter = routerResp;
    this.#host = host;
    this.#holder = holder;
    this.#envelope = envelope;
    // A copy, because the view would keep the whole read buffer.
    this.#userData = userData === null ? null : ownCopy(userData);
  }

  /** Whether further packets of the requester may come. */
  get named(): boolean {
    return this.#envelope === null && this.from !== '' && this.id !== '';
  }

  /** Whether nothing can be sent: the requester gave no address or no id. */
  get mute(): boolean {
    return this.#envelope === null && !this.named;
  }

  /** Whether the session may be named in a packet together with others. */
  get batchable(): boolean {
    return this.multi && this.named && this.#userData === null && this.#held === null;
  }

  /** Whether packets wait. */
  get waits(): boolean {
    return this.#held !== null;
  }

  /** Names the session in the next packet, which the caller sends. */
  nextRef(): SessionRef {
    return { id: this.id, seq: this.#nextOut++ };
  }

  /** Sends a packet after those that wait, or lets it wait while the requester takes nothing. */
  send(packet: ResponsePacket): void {
    if (this.#held === null && !this.blocked) this.#transmit(packet);
    else this.hold(packet);
  }

  /** Lets a packet wait. If that is too much, the holder is called before this returns. */
  hold(packet: ResponsePacket): void {
    this.#held ??= [];
    this.#held.push(packet);
    if (this.#host.held.hold(this.#holder, costOf(packet)) > MAX_HELD_BYTES) this.#holder.onHeldTooMuch();
  }

  /** Sends what waits, as far as the requester takes it. */
  flush(): void {
    const held = this.#held;
    if (held === null || this.blocked) return;
    this.drop();
    for (const packet of held) this.send(packet);
  }

  /** Forgets what waits. */
  drop(): void {
    if (this.#held === null) return;
    this.#held = null;
    this.#host.held.releaseAll(this.#holder);
  }

  /** Whether the requester takes nothing now. A PUB socket drops what a subscriber does not take, so only a ROUTER socket tells. */
  get blocked(): boolean {
    return this.byRouter && this.#envelope === null && this.#host.link.isFull(this.from);
  }

  #transmit(packet: ResponsePacket): void {
    const { id, format, from } = this;
    const { link, address, counters } = this.#host;
    packet.userData = this.#userData;
    if (this.#envelope !== null) {
      if (id !== '') packet.ids = [{ id, seq: 0 }];
      link.reply(this.#envelope, encodeResponsePart(packet, format));
    } else if (this.named) {
      const seq = this.#nextOut++;
      packet.from = address;
      packet.ids = [{ id, seq }];
      // Once is enough, as with Zurl.
      packet.multi = this.multi && (seq === 0 || packet.code === 101);
      if (this.byRouter) link.route(from, encodeResponsePacket(packet, format));
      else link.publish(encodeResponsePart(packet, format, from));
    } else {
      return;
    }
    counters.packetsSent++;
  }
}

/** Bytes that a packet keeps while it waits: a head may be larger than any body. */
function costOf({ reason, headers, body }: ResponsePacket): number {
  return body.length + reason.length + listBytes(headers);
}
