/** A packet without a type is `data`, which is never written. */
export type PacketType =
  | 'data'
  | 'error'
  | 'credit'
  | 'keep-alive'
  | 'cancel'
  | 'handoff-start'
  | 'handoff-proceed'
  | 'close'
  | 'ping'
  | 'pong';

/** Format of a packet: `T` for tnetstring, `J` for JSON. The letter is the packet's first byte. */
export type PacketFormat = 'T' | 'J';

/** One session that a packet is for, and the packet's number in it. */
export interface SessionRef {
  id: string;
  /** Null if the packet has no number, as outside stream mode. */
  seq: number | null;
}

/** The body of a packet without one. */
export const NO_BODY: Buffer = Buffer.alloc(0);

/**
 * The fields of packets in both directions. All text is latin1, one character per byte, so every byte survives; in JSON, which has no bytes, text
 * and bodies are treated as UTF-8. An absent field has the value given here, and is not written.
 */
class Packet {
  /** Address of the sender: where the next packet for it goes. Absent in req mode. At most `MAX_ADDRESS_BYTES`. */
  from = '';
  /** None, one session, or up to `MAX_IDS` sessions at once. */
  ids: SessionRef[] = [];
  /** `ext.multi`: the sender takes packets for many sessions at once. */
  multi = false;
  /** `ext.quiet`: the receiver logs this request at debug level only. */
  quiet = false;
  type: PacketType;
  /** For `error`: the machine-readable reason (`bad-request`, `policy-violation`, …). */
  condition = '';
  /** HTTP status of a response, or close code of a WebSocket; 0 to 65,535. */
  code = 0;
  /** Flat `[name, value, …]` list. */
  headers: readonly string[] = [];
  /** For WebSocket data: `binary`, or anything else for text. */
  contentType = '';
  /** Body, message, payload of a ping or pong, reason of a close. A view of the packet read. */
  body: Buffer = NO_BODY;
  /** Bytes of body that the sender accepts in addition to those granted before. */
  credits = 0;
  /** Whether more data of this body or message follows. */
  more = false;
  /**
   * A value that the initiator wants back in each response: one whole value in the packet's own format, opaque to the responder. Responses use the
   * format of their request, so it is passed through unchanged.
   */
  userData: Buffer | null = null;

  constructor(type: PacketType = 'data') {
    this.type = type;
  }
}

/** A packet from the initiator of sessions: the requesting side. */
export class RequestPacket extends Packet {
  method = '';
  /** The whole URI with scheme and authority. */
  uri = '';
  /** Asks for the response in as many packets as needed; otherwise it comes in one. */
  stream = false;
  /** Asks for responses on the responder's ROUTER socket, without a leading address. */
  routerResp = false;
  /** Maximum size of the response body in bytes; null for no limit. */
  maxSize: number | null = null;
  /** Time limit of the whole exchange in milliseconds; null for no limit. */
  timeout: number | null = null;
  /** IP address of the client, without brackets; empty for a unix socket. */
  peerAddress = '';
  /** Port of the client; 0 without one. */
  peerPort = 0;
  /** Host to connect to instead of the URI's. */
  connectHost = '';
  /** Port for `connectHost`; 0 if not given. */
  connectPort = 0;
  /** Accepts a certificate for `connectHost` as well. */
  trustConnectHost = false;
  ignoreTlsErrors = false;
  ignorePolicies = false;
  followRedirects = false;
  /** Certificate and key for TLS, in PEM. */
  clientCert = '';
  clientKey = '';
  /** Address of the former initiator after a handoff between initiators. */
  oldFrom = '';
  /** One whole value in the packet's own format that Pushpin passes from its proxy to its handler. */
  passthrough: Buffer | null = null;
}

/** A packet from the responder: the responding side. */
export class ResponsePacket extends Packet {
  /** Text after the status. */
  reason = '';
}

export type { Packet };
