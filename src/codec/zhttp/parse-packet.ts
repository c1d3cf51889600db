import { FieldError, type FieldSource, wrong } from './field-source.ts';
import { isFault, openSource } from './open-source.ts';
import { type Packet, type PacketType, RequestPacket, ResponsePacket, type SessionRef } from './packet.ts';
import type { FieldName } from './packet-fields.ts';
import { packetNames } from './packet-names.ts';
import { ZhttpError } from './zhttp-error.ts';
import { DEFAULT_ZHTTP_LIMITS, MAX_ADDRESS_BYTES, type ZhttpLimits } from './zhttp-limits.ts';

/** Types that a packet may name; a data packet names none. */
const TYPES: ReadonlySet<string> = new Set<PacketType>([
  'error',
  'credit',
  'keep-alive',
  'cancel',
  'handoff-start',
  'handoff-proceed',
  'close',
  'ping',
  'pong',
]);

/** Text bounded only by the packet. */
const ANY = Number.POSITIVE_INFINITY;

const MAX_INTEGER = Number.MAX_SAFE_INTEGER;
const MAX_UINT16 = 65_535;

/**
 * Parses a packet of an initiator. Unknown fields are skipped; of equal keys the last one counts. Whether the fields make sense
 * together is left to the reader: they are read whatever the type.
 * @param payload the packet with its type byte
 * @throws ZhttpError with condition `bad-request` if it is a packet at all
 */
export function parseRequestPacket(payload: Buffer, limits: ZhttpLimits = DEFAULT_ZHTTP_LIMITS): RequestPacket {
  checkSize(payload, limits);
  const packet = new RequestPacket();
  try {
    readPacket(packet, openSource(payload), limits, readRequestField);
    return packet;
  } catch (error) {
    throw refusal(error, payload, 'bad-request');
  }
}

/**
 * Parses a packet of a responder in the same way.
 * @param payload the packet with its type byte, without an address in front
 * @throws ZhttpError
 */
export function parseResponsePacket(payload: Buffer, limits: ZhttpLimits = DEFAULT_ZHTTP_LIMITS): ResponsePacket {
  checkSize(payload, limits);
  const packet = new ResponsePacket();
  try {
    readPacket(packet, openSource(payload), limits, readResponseField);
    return packet;
  } catch (error) {
    throw refusal(error, payload, null);
  }
}

/** An oversized packet is not examined, so its sender is unknown. */
function checkSize(payload: Buffer, limits: ZhttpLimits): void {
  if (payload.length <= limits.maxPacketBytes) return;
  throw new ZhttpError('too-large', `packet exceeds ${limits.maxPacketBytes} bytes`);
}

function readPacket<P extends Packet>(
  packet: P,
  source: FieldSource,
  limits: ZhttpLimits,
  readOwnField: (packet: P, name: FieldName, source: FieldSource) => void,
): void {
  let seq: number | null = null;
  for (let name = source.next(); name !== null; name = source.next()) {
    switch (name) {
      case '':
        break;
      case 'from':
        packet.from = source.word(MAX_ADDRESS_BYTES);
        break;
      case 'id':
        packet.ids = source.ids();
        break;
      case 'seq':
        seq = source.integer(MAX_INTEGER);
        break;
      case 'ext': {
        const { multi, quiet } = source.ext();
        packet.multi = multi;
        packet.quiet = quiet;
        break;
      }
      case 'type': {
        const type = source.word(ANY);
        if (!TYPES.has(type)) wrong(name, 'a type of packet');
        packet.type = type as PacketType;
        break;
      }
      case 'condition':
        packet.condition = source.word(ANY);
        break;
      case 'code':
        packet.code = source.integer(MAX_UINT16);
        break;
      case 'headers':
        packet.headers = source.headers(limits.maxHeaders);
        break;
      case 'content-type':
        packet.contentType = source.word(ANY);
        break;
      case 'body':
        packet.body = source.bytes();
        break;
      case 'credits':
        packet.credits = source.integer(MAX_INTEGER);
        break;
      case 'more':
        packet.more = source.boolean();
        break;
      case 'user-data':
        packet.userData = source.value();
        break;
      default:
        readOwnField(packet, name, source);
    }
  }
  // The number is next to a single id, and inside each element of a list.
  if (seq === null || packet.ids.length !== 1) return;
  const only = packet.ids[0] as SessionRef;
  if (only.seq === null) only.seq = seq;
}

function readRequestField(packet: RequestPacket, name: FieldName, source: FieldSource): void {
  switch (name) {
    case 'method':
      packet.method = source.word(ANY);
      break;
    case 'uri':
      packet.uri = source.text(ANY);
      break;
    case 'stream':
      packet.stream = source.boolean();
      break;
    case 'router-resp':
      packet.routerResp = source.boolean();
      break;
    case 'max-size':
      packet.maxSize = source.integer(MAX_INTEGER);
      break;
    case 'timeout':
      packet.timeout = source.integer(MAX_INTEGER);
      break;
    case 'peer-address':
      packet.peerAddress = source.text(ANY);
      break;
    case 'peer-port':
      packet.peerPort = source.integer(MAX_UINT16);
      break;
    case 'connect-host':
      packet.connectHost = source.text(ANY);
      break;
    case 'connect-port':
      packet.connectPort = source.integer(MAX_UINT16);
      break;
    case 'trust-connect-host':
      packet.trustConnectHost = source.boolean();
      break;
    case 'ignore-tls-errors':
      packet.ignoreTlsErrors = source.boolean();
      break;
    case 'ignore-policies':
      packet.ignorePolicies = source.boolean();
      break;
    case 'follow-redirects':
      packet.followRedirects = source.boolean();
      break;
    case 'client-cert':
      packet.clientCert = source.text(ANY);
      break;
    case 'client-key':
      packet.clientKey = source.text(ANY);
      break;
    case 'old-from':
      packet.oldFrom = source.text(MAX_ADDRESS_BYTES);
      break;
    case 'passthrough':
      packet.passthrough = source.value();
      break;
  }
}

function readResponseField(packet: ResponsePacket, name: FieldName, source: FieldSource): void {
  if (name === 'reason') packet.reason = source.word(ANY);
}

/**
 * The error to throw for `cause`. Reading stopped at the first fault, and fields come in any order: so the packet is read once more, to find the
 * sessions concerned and to tell a bad field from a broken packet.
 */
function refusal(cause: unknown, payload: Buffer, condition: 'bad-request' | null): unknown {
  if (!isFault(cause)) return cause;
  const { from, ids, malformed } = packetNames(payload);
  if (malformed) return new ZhttpError('malformed', cause.message, null, from, ids);
  return new ZhttpError(cause instanceof FieldError ? cause.kind : 'invalid', cause.message, condition, from, ids);
}
