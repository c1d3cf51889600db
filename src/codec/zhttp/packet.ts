/** `data` is what a packet without a type is; it is never written. */
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

/** How a packet is written: `T` as tnetstring, `J` as JSON. The letter is the packet's first byte. */
export type PacketFormat = 'T' | 'J';

/** One session that a packet is for, and the packet's number in it. */
export interface SessionRef {
  id: string;
  /** Null where the packet has no number, as outside of stream mode. */
  seq: number | null;
}

/** The body of a packet that has none. */
export const NO_BODY: Buffer = Buffer.alloc(0);

/**
 * The fields of packets in both directions. All text is latin1, one character a byte, so every byte survives; in JSON, which
 * has no bytes, the bytes of a text or body are taken for UTF-8. A field that is absent has the value that it has here, and is
 * not written.
 */
class Packet {
  /** Address of the sender: where the next packet for it goes. Absent in req mode. At most `MAX_ADDRESS_BYTES`. */
  from = '';
  /** None, the one session, or for many sessions at once at most `MAX_IDS`. */
  ids: SessionRef[] = [];
  /** `ext.multi`: the sender takes packets for many sessions at once. */
  multi = false;
  /** `ext.quiet`: the receiver logs this request at debug level only. */
  quiet = false;
  type: PacketType = 'data';
  /** Of `error`: why, for machines (`bad-request`, `policy-violation`, …). */
  condition = '';
  /** HTTP status of a response, or close code of a WebSocket; 0 to 65,535. */
  code = 0;
  /** Flat `[name, value, …]` list. */
  headers: readonly string[] = [];
  /** Of WebSocket data: `binary`, or anything else for text. */
  contentType = '';
  /** Body, message, payload of a ping or pong, reason of a close. A view of the packet that was read. */
  body: Buffer = NO_BODY;
  /** Bytes of body that the sender takes in addition to those granted before. */
  credits = 0;
  /** Whether more data of this body or message follows. */
  more = false;
  /**
   * Whatever the initiator wants to find in each response: one whole value in the packet's own format, not to be looked into.
   * Responses are written in the format of their request, so it is handed through as it is.
   */
  userData: Buffer | null = null;
}

/** A packet from the initiator of sessions: the side that asks. */
export class RequestPacket extends Packet {
  method = '';
  /** The whole URI with scheme and authority. */
  uri = '';
  /** Wants the response in as many packets as it takes; else it comes in one. */
  stream = false;
  /** Wants responses by the responder's ROUTER socket, without an address in front. */
  routerResp = false;
  /** Bytes that the response body may have; null for no limit. */
  maxSize: number | null = null;
  /** Milliseconds that the whole exchange may take; null for no limit. */
  timeout: number | null = null;
  /** IP address of the client, without brackets; empty for a unix socket. */
  peerAddress = '';
  /** Port of the client; 0 if there is none. */
  peerPort = 0;
  /** Host to connect to instead of the URI's. */
  connectHost = '';
  /** The port that goes with `connectHost`; 0 if it was not given. */
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
  /** One whole value in the packet's own format that a Pushpin hands from its proxy to its handler. */
  passthrough: Buffer | null = null;
}

/** A packet from the responder: the side that answers. */
export class ResponsePacket extends Packet {
  /** Text behind the status. */
  reason = '';
}

export type { Packet };
