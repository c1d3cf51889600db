import type { RequestPacket } from '../codec/zhttp/index.ts';
import type {
  ExchangeRecord,
  Requester,
  Responder,
  WebSocketRequester,
  WebSocketResponder,
} from '../exchange/index.ts';

/** A request that came as a packet. */
export interface TargetRequest {
  /** Names the request in the log. */
  readonly id: string;
  /** The first packet. Its body, if any, comes as request data like the rest of it. */
  readonly packet: RequestPacket;
  /** Bytes of the request body: 0 for none, `UNKNOWN_LENGTH` when only its end will tell. */
  readonly bodyLength: number;
  /** Bytes of response body, or of a WebSocket's payload, that may be sent before more is granted. */
  readonly credits: number;
  /** Takes notes of what becomes of the exchange; null for nobody. */
  readonly record: ExchangeRecord | null;
}

/**
 * What responds to requests that come as packets: fetch makes them, and a proxy behind a remote edge routes them. A failure comes
 * to the requester as `onResponseError`, perhaps before the call returns. Its `face.condition` is what the packet says of it.
 */
export interface ServerTarget {
  /** Whether the header fields of responses say already how long the body is. If not, each session sets Content-Length. */
  readonly framed: boolean;
  /** Whether it makes requests, rather than passing on those of clients. */
  readonly outbound: boolean;
  /** A request whose URI has the scheme `http` or `https`. */
  request(request: TargetRequest, requester: Requester): Responder;
  /** A request whose URI has the scheme `ws` or `wss`. */
  openWebSocket(request: TargetRequest, requester: WebSocketRequester): WebSocketResponder;
}
