/** A connection of a server's client, or several: where a handler's answers go. */
export type Receiver =
  | { readonly uuid: string; readonly id: number }
  | { readonly uuid: string; readonly ids: readonly number[] };

/** What each event has. It is a `Receiver` itself: an answer to the event goes to its connection. */
export interface EventBase {
  /** Names the server: its `send_ident`. */
  readonly uuid: string;
  /** Number of the connection. It is the same for all requests of the connection, and is not used again soon. */
  readonly id: number;
  /** The undecoded path of the request. */
  readonly path: string;
  /**
   * All headers: those of the client in lower case, those that the server adds in upper case. Values that came several times are a list.
   */
  readonly headers: ReadonlyMap<string, string | readonly string[]>;
}

/** What events of HTTP have. */
export interface HttpEventBase extends EventBase {
  readonly method: string;
  /** Path and query as the client sent them. */
  readonly uri: string;
  /** What follows the `?`; empty without one. */
  readonly query: string;
  /** `HTTP/1.1` or `HTTP/1.0`. */
  readonly version: string;
  /** The route of the site. */
  readonly pattern: string;
  /** IP address of the client; empty for a server that does not tell. */
  readonly address: string;
}

/** A request with its whole body. */
export interface RequestEvent extends HttpEventBase {
  readonly kind: 'request';
  readonly body: Buffer;
}

/** A large body has begun: it goes to a file first. To refuse it, close the connection. */
export interface UploadStartEvent extends HttpEventBase {
  readonly kind: 'upload-start';
  /** The file, as the server names it. */
  readonly file: string;
}

/** A large body is in a file now, which belongs to the handler. */
export interface UploadEvent extends HttpEventBase {
  readonly kind: 'upload';
  readonly file: string;
}

/** A part of a large body that the server streams. The first one comes by itself, the others as `grant` allows. */
export interface UploadPartEvent extends HttpEventBase {
  readonly kind: 'upload-part';
  /**
   * Whether it is the first, which alone has the headers of the request. It may be empty. The response should be to this one: only it says whether
   * the connection is to be closed.
   */
  readonly first: boolean;
  /** Bytes of the body before this part. */
  readonly offset: number;
  readonly last: boolean;
  readonly body: Buffer;
}

/** A client asks for a WebSocket. It waits for `accept`, or for another response. */
export interface HandshakeEvent extends HttpEventBase {
  readonly kind: 'handshake';
  /** Sec-WebSocket-Accept of the response. */
  readonly acceptKey: string;
}

/** A message on a WebSocket. */
export interface MessageEvent extends HttpEventBase {
  readonly kind: 'message';
  /** Whether it is text, which is UTF-8. */
  readonly text: boolean;
  readonly body: Buffer;
}

/** A message on a JSON socket (`path` is `@ROUTE`) or XML socket (`path` is `<TAG`). */
export interface SocketEvent extends EventBase {
  readonly kind: 'json' | 'xml';
  readonly body: Buffer;
}

/** The connection is closed: nothing more comes of it, and nothing more reaches it. */
export interface DisconnectEvent extends EventBase {
  readonly kind: 'disconnect';
}

/** The client has taken bytes of answers, where the server has `download.flow_control`. */
export interface CreditsEvent extends EventBase {
  readonly kind: 'credits';
  readonly bytes: number;
}

/** What a server tells its handlers. */
export type HandlerEvent =
  | RequestEvent
  | UploadStartEvent
  | UploadEvent
  | UploadPartEvent
  | HandshakeEvent
  | MessageEvent
  | SocketEvent
  | DisconnectEvent
  | CreditsEvent;
