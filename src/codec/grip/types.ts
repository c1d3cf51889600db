import type { GripLinks } from './grip-links.ts';

/**
 * One channel that a hold subscribes to. The name is as the origin gave it, without a route's prefix. `prevId` and `filters` are
 * what the origin said, kept for sequencing and filtering.
 */
export interface ChannelRef {
  readonly name: string;
  readonly prevId: string | null;
  readonly filters: readonly string[];
  /** Whether the name is a pattern, of which nothing is checked. False by default. Without a `prevId`. */
  readonly pattern?: boolean;
  /** The cursor of what the client has; null, and absent, where the origin does not know. The same for all channels that have one. */
  readonly since?: string | null;
}

/** What a held stream sends when nothing else does. */
export interface KeepAlive {
  /** Never empty. */
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
  /** Seconds until the instruct's own response is sent; at least 5, by default 55. */
  readonly timeout: number;
  /** Null where a held stream sends nothing by itself. */
  readonly keepAlive: KeepAlive | null;
  /** Per-connection metadata for filters; an object without prototype, so that only what was set is found. */
  readonly meta: Readonly<Record<string, string>>;
}

/** What the client gets: at once (no hold, stream hold) or when the hold times out (response hold). */
export interface InstructResponse {
  /** 0 to 999, as GRIP allows. One below 200 cannot be sent: the responder has to replace it. */
  readonly status: number;
  readonly reason: string;
  /** Flat `[name, value, …]` list without Grip-*, Connection, Keep-Alive, Content-Encoding, Transfer-Encoding, Content-Length. */
  readonly headers: readonly string[];
  readonly body: Buffer;
}

/** A GRIP response of an origin, understood. */
export interface Instruct {
  /** Null: the response is simply relayed, and then a next link is followed at once, if there is one. */
  readonly hold: Hold | null;
  readonly response: InstructResponse;
  readonly links: GripLinks;
  /** The channels of a response without a hold, where they have filters, which then apply to its body. */
  readonly unheld?: Pick<Hold, 'channels' | 'meta'>;
}

/** An `http-response` format: the response to a held request. */
export interface HttpResponseFormat {
  /** `hint`: the held requests are sent to their origin again. */
  readonly action: 'send' | 'hint';
  /** 0 to 999, by default 200. One below 200 cannot be sent: the responder has to replace it. */
  readonly code: number;
  readonly reason: string;
  /** Flat `[name, value, …]` list of latin1 strings without Grip-*, safe to be written. */
  readonly headers: readonly string[];
  /** Names of the only fields, of the held response and of `headers`, that the client gets; null for all. Never empty. */
  readonly exposeHeaders: readonly string[] | null;
  /** Empty where there is a `bodyPatch`. */
  readonly body: Buffer;
  /** Operations of RFC 6902, not checked yet, for the body of the held response; null where `body` is the body. */
  readonly bodyPatch: readonly unknown[] | null;
  /** Filters that the publisher has applied or counts on; null if it did not say. */
  readonly contentFilters: readonly string[] | null;
}

/** An `http-stream` format: goes to held streams. */
export interface HttpStreamFormat {
  /** `hint`: the held streams fetch what they missed; `close`: they end. */
  readonly action: 'send' | 'hint' | 'close';
  /** Empty unless `send`; even then it may be. */
  readonly content: Buffer;
  /** Filters that the publisher has applied or counts on; null if it did not say. */
  readonly contentFilters: readonly string[] | null;
}

/** A `ws-message` format: goes to WebSockets. */
export interface WsMessageFormat {
  /** `close`: they end; `refresh`: origins that speak WebSocket-over-HTTP are asked. */
  readonly action: 'send' | 'close' | 'refresh';
  readonly type: 'text' | 'binary' | 'ping' | 'pong';
  /** Text is UTF-8; at most 125 bytes for a ping or pong. Empty unless `send`. */
  readonly content: Buffer;
  /** A code that may be sent (RFC 6455 §7.4), or 1005 for none. */
  readonly code: number;
  /** At most 123 bytes in UTF-8. */
  readonly reason: string;
  /** Filters that the publisher has applied or counts on; null if it did not say. */
  readonly contentFilters: readonly string[] | null;
}

/** By what a repeat of an item is known. */
export interface RepeatKey {
  /** The idempotency key, with its scope in front: a channel, or requests. */
  readonly key: string;
  /** Digest of the content: a repeat has the same. */
  readonly digest: string;
  /** Place of the item in the request whose key it is; 0 where the key is its own. */
  readonly index: number;
}

/** What few items have. */
export interface ItemExtras {
  /** Null once it is known that the item is no repeat. */
  readonly repeatKey: RepeatKey | null;
  /** The item is dropped unless its channel has seen lower ones only. Null once that is known. */
  readonly version: number | null;
  /** Seconds for which it is of use. */
  readonly ttl: number | null;
  /** When that ends, in milliseconds since 1970, from when it was accepted on; 0 before, and without `ttl`. */
  readonly expires: number;
  /** False for an item that is for clients who are connected: its channel does not keep it. */
  readonly retain?: false;
}

/** One published item (GRIP's publish format). */
export interface PublishItem {
  readonly channel: string;
  readonly id: string | null;
  readonly prevId: string | null;
  /** For filters; an object without prototype, so that only what was set is found. */
  readonly meta: Readonly<Record<string, string>>;
  /** Bytes that the item is to count as; null for those it has. */
  readonly size: number | null;
  /** Whether it is delivered at once, whatever its `prevId`. */
  readonly noSeq: boolean;
  /** Stands for it where its publisher has given it an idempotency key: the same for each repeat. Absent where it has none. */
  readonly onceId?: string;
  /** The number that it was given because its channel is kept; 0, or absent, before that and where none is. */
  number?: number;
  /** Whether another node of a cluster has accepted it, and sent it to all nodes. */
  shared?: boolean;
  /** Null and absent mean the same. */
  readonly extras?: ItemExtras | null;
  readonly httpResponse: HttpResponseFormat | null;
  readonly httpStream: HttpStreamFormat | null;
  readonly wsMessage: WsMessageFormat | null;
}
