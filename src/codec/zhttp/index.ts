export {
  encodeRequestPacket,
  encodeRequestPieces,
  encodeRequestText,
  encodeResponsePacket,
  encodeResponsePart,
} from './encode-packet.ts';
export { type FirstPacketFields, FirstPackets, type PacketPeer, type RequestRoute } from './first-packets.ts';
export { idPrefixes } from './id-prefixes.ts';
export { packetFormat } from './open-source.ts';
export {
  NO_BODY,
  type Packet,
  type PacketFormat,
  type PacketType,
  RequestPacket,
  ResponsePacket,
  type SessionRef,
} from './packet.ts';
export { type PacketNames, packetNames } from './packet-names.ts';
export { parseRequestPacket, parseResponsePacket } from './parse-packet.ts';
export { type AddressedPacket, splitAddress } from './split-address.ts';
export { ZhttpError, type ZhttpErrorKind } from './zhttp-error.ts';
export {
  DEFAULT_ZHTTP_LIMITS,
  MAX_ADDRESS_BYTES,
  MAX_ID_BYTES,
  MAX_IDS,
  NO_LIMITS,
  type ZhttpLimits,
} from './zhttp-limits.ts';
