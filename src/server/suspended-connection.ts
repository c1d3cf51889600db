import type { Http1Version } from '../codec/http1/index.ts';
import type { DeflateParameters } from '../codec/websocket/index.ts';
import type { HeaderList, PartState, Peer, RecordState, RequestHead, Suspended } from '../exchange/index.ts';

/** How far a response is whose length only its end tells. */
export interface WriterProgress {
  /** Whether the head has been written. */
  readonly started: boolean;
  /** How the body is framed, once the head has been written. */
  readonly framing: number;
  /** Whether the zero of the next chunk's size has been written. */
  readonly probed: boolean;
}

/** A request, how far its response is, and who responds. */
export interface StreamState extends Omit<RequestHead, 'id' | 'peer' | 'credits' | 'record'> {
  readonly ownFields: HeaderList;
  readonly requestId: string;
  readonly version: Http1Version;
  readonly keepAlive: boolean;
  /** Whether the client has said that the request is its last one. */
  readonly last: boolean;
  readonly halfCloseAborts: boolean;
  readonly progress: WriterProgress;
  readonly record: RecordState | null;
  readonly responder: PartState;
}

/** What the connections of all protocols have. */
interface AnyConnectionState extends PartState {
  readonly peer: Peer;
  /** Input that was read and not taken; null for none. */
  readonly unread: Buffer | null;
}

/** A connection that speaks HTTP/1. */
export interface Http1ConnectionState extends AnyConnectionState {
  readonly kind: 'http1';
  /** Names the connection. */
  readonly number: number | string;
  /** Requests so far. */
  readonly requests: number;
  /** Null between two requests. */
  readonly stream: StreamState | null;
}

/** An open WebSocket, between two messages. */
export interface WebSocketConnectionState extends AnyConnectionState {
  readonly kind: 'websocket';
  readonly id: string;
  readonly requestId: string;
  readonly record: RecordState | null;
  /** Bytes that the client may send. */
  readonly credit: number;
  /** Null for no compression. */
  readonly deflate: DeflateParameters | null;
  /** What the client's next compressed message may refer to; null for nothing. */
  readonly window: Buffer | null;
  readonly responder: PartState;
}

/** From what another process makes a connection again. */
export type ConnectionState = Http1ConnectionState | WebSocketConnectionState;

/** A connection that is about to move: its socket is not read, and nothing is written to it. */
export type SuspendedConnection = Suspended<ConnectionState>;
