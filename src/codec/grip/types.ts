/** One channel that a hold subscribes to. `prevId` and `filters` are what the origin said, kept for sequencing and filtering. */
export interface ChannelRef {
  readonly name: string;
  readonly prevId: string | null;
  readonly filters: readonly string[];
}

/** What a held stream sends when nothing else does. */
export interface KeepAlive {
  readonly content: Buffer;
  /** Seconds, at least 1. */
  readonly timeout: number;
  /** `idle`: after so long without data; `interval`: every so often regardless. */
  readonly mode: 'idle' | 'interval';
}

/** How a client is to be held. */
export interface Hold {
  readonly mode: 'response' | 'stream';
  readonly channels: readonly ChannelRef[];
  /** Seconds until a held response is answered with the instruct's own response; at least 5. */
  readonly timeout: number;
  /** Null where a held stream sends nothing by itself. */
  readonly keepAlive: KeepAlive | null;
  /** Per-connection metadata for filters. */
  readonly meta: Readonly<Record<string, string>>;
}

/** What the client gets: at once (no hold, stream hold) or when the hold times out (response hold). */
export interface InstructResponse {
  readonly status: number;
  readonly reason: string;
  /** Flat `[name, value, …]` list without Grip-*, Connection, Keep-Alive, Content-Encoding, Transfer-Encoding, Content-Length. */
  readonly headers: string[];
  readonly body: Buffer;
}

/** A GRIP response of an origin, understood. */
export interface Instruct {
  /** Null: the response is simply relayed. */
  readonly hold: Hold | null;
  readonly response: InstructResponse;
}

/** An `http-response` format: answers a held response. */
export interface HttpResponseFormat {
  /** `hint`: the held requests are sent to their origin again. */
  readonly action: 'send' | 'hint';
  readonly code: number;
  readonly reason: string;
  /** Flat `[name, value, …]` list. */
  readonly headers: string[];
  readonly body: Buffer;
}

/** An `http-stream` format: goes to held streams. */
export interface HttpStreamFormat {
  readonly action: 'send' | 'hint' | 'close';
  readonly content: Buffer;
}

/** One published item (GRIP's publish format). */
export interface PublishItem {
  readonly channel: string;
  readonly id: string | null;
  readonly prevId: string | null;
  readonly meta: Readonly<Record<string, string>>;
  readonly httpResponse: HttpResponseFormat | null;
  readonly httpStream: HttpStreamFormat | null;
}
