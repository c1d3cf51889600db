import { NO_BODY, type PacketType, ResponsePacket, type SessionRef } from '../codec/zhttp/index.ts';

const NO_HEADERS: string[] = [];
const NO_IDS: SessionRef[] = [];

/** Nearly every packet is written at once: so one object does for all of them. */
const packet = new ResponsePacket();
const only: SessionRef = { id: '', seq: null };
const one: SessionRef[] = [only];

/** A packet of this type that says nothing else. Valid until the next call. */
export function responsePacket(type: PacketType = 'data'): ResponsePacket {
  packet.from = '';
  packet.ids = NO_IDS;
  packet.multi = false;
  packet.type = type;
  packet.condition = '';
  packet.code = 0;
  packet.reason = '';
  packet.headers = NO_HEADERS;
  packet.contentType = '';
  packet.body = NO_BODY;
  packet.credits = 0;
  packet.more = false;
  packet.userData = null;
  return packet;
}

/** The ids of a packet for one session, or for none if `id` is empty. Valid until the next call. */
export function idsOf(id: string, seq: number | null): SessionRef[] {
  if (id === '') return NO_IDS;
  only.id = id;
  only.seq = seq;
  return one;
}
