import {
  encodeResponsePacket,
  type PacketFormat,
  type RequestPacket,
  type ResponsePacket,
  type SessionRef,
} from '../codec/zhttp/index.ts';
import type { BridgeCounters } from '../zhttp/index.ts';
import { idsOf, responsePacket } from './response-packet.ts';
import type { ServerLink } from './server-link.ts';

/** Whom a packet about several sessions of one requester is for. */
export interface Recipient {
  /** Address of the requester. */
  readonly from: string;
  readonly format: PacketFormat;
  /** Whether it wants to be answered by the ROUTER socket. */
  readonly byRouter: boolean;
}

/** What requesters are told without a session, or about many at once. */
export class ServerNotices {
  readonly #address: string;
  readonly #link: ServerLink;
  readonly #counters: BridgeCounters;

  /** @param address what requesters call us */
  constructor(address: string, link: ServerLink, counters: BridgeCounters) {
    this.#address = address;
    this.#link = link;
    this.#counters = counters;
  }

  /**
   * There will be no session for this first packet, or request of req mode. Who has not said whom to tell is told nothing.
   * @param envelope null in stream mode
   */
  refuse(request: RequestPacket, format: PacketFormat, envelope: Buffer[] | null, condition: string): void {
    const { from, ids, userData, routerResp: byRouter } = request;
    const id = ids.length === 1 ? (ids[0] as SessionRef).id : '';
    if (envelope === null && (from === '' || id === '')) return;
    const packet = errorPacket(condition);
    packet.ids = idsOf(id, 0);
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
    if (ids.length === 1) packet.ids = idsOf((ids[0] as SessionRef).id, 0);
    this.#reply(envelope, format, packet);
  }

  /** A packet for a session that there is not could not be read. As with the original, nothing is said but that. */
  rejectUnread(from: string, id: string, format: PacketFormat, condition: string): void {
    const packet = errorPacket(condition);
    packet.ids = idsOf(id, null);
    this.#send({ from, format, byRouter: false }, packet);
  }

  /** There are no such sessions. As with the original, nothing is said but that. @param multi whether one packet will do */
  disclaim(from: string, refs: SessionRef[], format: PacketFormat, multi: boolean): void {
    const recipient = { from, format, byRouter: false };
    if (multi) {
      const packet = responsePacket('cancel');
      packet.ids = refs;
      this.#send(recipient, packet);
      return;
    }
    for (const { id } of refs) {
      const packet = responsePacket('cancel');
      packet.ids = idsOf(id, null);
      if (id !== '') this.#send(recipient, packet);
    }
  }

  /** Tells a requester something about some of its sessions. @param packet says all but which */
  tell(recipient: Recipient, refs: SessionRef[], packet: ResponsePacket): void {
    packet.from = this.#address;
    packet.multi = true;
    packet.ids = refs;
    this.#send(recipient, packet);
  }

  #reply(envelope: Buffer[], format: PacketFormat, packet: ResponsePacket): void {
    this.#counters.packetsSent++;
    this.#link.reply(envelope, encodeResponsePacket(packet, format));
  }

  #send({ from, format, byRouter }: Recipient, packet: ResponsePacket): void {
    this.#counters.packetsSent++;
    if (byRouter) this.#link.route(from, encodeResponsePacket(packet, format));
    else this.#link.publish(encodeResponsePacket(packet, format, from));
  }
}

/** An error with that condition. Valid until the next packet is made. */
export function errorPacket(condition: string): ResponsePacket {
  const packet = responsePacket('error');
  packet.condition = condition;
  return packet;
}
