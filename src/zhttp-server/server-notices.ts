import {
  encodeResponsePacket,
  encodeResponsePart,
  type PacketFormat,
  type RequestPacket,
  ResponsePacket,
  type SessionRef,
} from '../codec/zhttp/index.ts';
import type { SessionCounters } from '../zhttp/index.ts';
import type { ServerLink } from './server-link.ts';

/** Who gets a packet about several sessions. */
export interface Recipient {
  /** Address of the requester. */
  readonly from: string;
  readonly format: PacketFormat;
  /** Whether it is reached over the ROUTER socket. */
  readonly byRouter: boolean;
}

/** Packets to requesters without a session, or about many at once. */
export class ServerNotices {
  readonly #address: string;
  readonly #link: ServerLink;
  readonly #counters: SessionCounters;

  /** @param address what requesters call us */
  constructor(address: string, link: ServerLink, counters: SessionCounters) {
    this.#address = address;
    this.#link = link;
    this.#counters = counters;
  }

  /**
   * There will be no session for this first packet, or request of req mode. A requester without an address gets no packet.
   * @param envelope null in stream mode
   */
  refuse(request: RequestPacket, format: PacketFormat, envelope: Buffer[] | null, condition: string): void {
    const { from, ids, userData, routerResp: byRouter } = request;
    const id = ids.length === 1 ? (ids[0] as SessionRef).id : '';
    if (envelope === null && (from === '' || id === '')) return;
    const packet = errorPacket(condition);
    if (id !== '') packet.ids = [{ id, seq: 0 }];
    packet.userData = userData;
    if (envelope !== null) {
      this.#reply(envelope, format, packet);
      return;
    }
    packet.from = this.#address;
    this.#send({ from, format, byRouter }, packet);
  }

  /** A request of req mode could not be read. @param ids as far as they could be found */
  refuseUnread(envelope: Buffer[], ids: readonly SessionRef[], format: PacketFormat): void {
    const packet = errorPacket('bad-request');
    const id = ids.length === 1 ? (ids[0] as SessionRef).id : '';
    if (id !== '') packet.ids = [{ id, seq: 0 }];
    this.#reply(envelope, format, packet);
  }

  /** A packet for an unknown session could not be read. Like Zurl's, the packet has neither address nor number. */
  rejectUnread(recipient: Recipient, id: string, condition: string): void {
    const packet = errorPacket(condition);
    if (id !== '') packet.ids = [{ id, seq: null }];
    this.#send(recipient, packet);
  }

  /** There are no such sessions. Like Zurl's, the packet has neither address nor number. @param multi whether one packet will do */
  disclaim(recipient: Recipient, refs: SessionRef[], multi: boolean): void {
    if (multi) {
      this.#cancel(recipient, refs);
      return;
    }
    for (const ref of refs) {
      if (ref.id !== '') this.#cancel(recipient, [ref]);
    }
  }

  /** Tells a requester something about some of its sessions. */
  tell(recipient: Recipient, refs: SessionRef[], packet: ResponsePacket): void {
    packet.from = this.#address;
    packet.multi = true;
    packet.ids = refs;
    this.#send(recipient, packet);
  }

  #cancel(recipient: Recipient, refs: SessionRef[]): void {
    const packet = new ResponsePacket();
    packet.type = 'cancel';
    packet.ids = refs;
    this.#send(recipient, packet);
  }

  #reply(envelope: Buffer[], format: PacketFormat, packet: ResponsePacket): void {
    this.#counters.packetsSent++;
    this.#link.reply(envelope, encodeResponsePart(packet, format));
  }

  #send({ from, format, byRouter }: Recipient, packet: ResponsePacket): void {
    this.#counters.packetsSent++;
    if (byRouter) this.#link.route(from, encodeResponsePacket(packet, format));
    else this.#link.publish(encodeResponsePart(packet, format, from));
  }
}

/** An error with that condition. */
export function errorPacket(condition: string): ResponsePacket {
  const packet = new ResponsePacket();
  packet.type = 'error';
  packet.condition = condition;
  return packet;
}
