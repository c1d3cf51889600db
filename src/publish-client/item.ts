/** Text, sent as UTF-8, or bytes. */
export type Content = string | Uint8Array;

/** What ends the wait of a client that is held with `Grip-Hold: response` (long-polling). */
export type HttpResponseFormat =
  | Content
  | {
      readonly action?: 'send';
      /** Status, 200 to 999. Default: 200. */
      readonly code?: number;
      readonly reason?: string;
      /** Fields of the response, beside those of the response that holds the client. */
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: Content;
      /** Operations of JSON Patch (RFC 6902) on the body of the response that holds the client, instead of a body. */
      readonly bodyPatch?: readonly unknown[];
      readonly contentFilters?: readonly string[];
    }
  /** Has the held request sent to the origin again. */
  | { readonly action: 'hint' };

/** What clients that are held with `Grip-Hold: stream` get. */
export type HttpStreamFormat =
  | Content
  | { readonly action?: 'send'; readonly content: Content; readonly contentFilters?: readonly string[] }
  /** Has the next link of the stream fetched. */
  | { readonly action: 'hint' }
  /** Ends the stream. */
  | { readonly action: 'close' };

/** What WebSocket clients get. Content that is text is a text message, bytes are a binary one, unless `type` says otherwise. */
export type WsMessageFormat =
  | Content
  | {
      readonly action?: 'send';
      readonly type?: 'text' | 'binary' | 'ping' | 'pong';
      readonly content?: Content;
      readonly contentFilters?: readonly string[];
    }
  /** Has the origins of WebSocket-over-HTTP asked at once. */
  | { readonly action: 'refresh' }
  | { readonly action: 'close'; readonly code?: number; readonly reason?: string };

/** What is published to one channel: at least one of the formats. Clients get the one that fits how they are held. */
export interface Item {
  readonly httpResponse?: HttpResponseFormat;
  readonly httpStream?: HttpStreamFormat;
  readonly wsMessage?: WsMessageFormat;
  /** Servers take each id of a channel once, so that an item with an id can be sent again without harm. */
  readonly id?: string;
  /**
   * Holdfast takes an item of a channel with the same key only once in five minutes, so that it can be sent again without harm. 1 to 1,024 bytes in UTF-8.
   */
  readonly idempotencyKey?: string;
  /** Holdfast drops the item unless it is newer than the last one of its channel. A whole number, 0 to 2^53 - 1; not together with `prevId`. */
  readonly version?: number;
  /** Seconds after which Holdfast no longer sends the item to clients that have been too slow for it. A whole number, 1 to 31,536,000. */
  readonly ttl?: number;
  /** False: a channel of Holdfast with a history does not keep the item. Only clients that are connected get it. */
  readonly retain?: boolean;
  /** Id of the item before this one. Clients get them in this order, and recover those that they have missed. */
  readonly prevId?: string;
  /** Variables for filters, such as `sender`. */
  readonly meta?: Readonly<Record<string, string>>;
  /** Delivers at once, whatever `prevId` says. */
  readonly noSeq?: boolean;
}

type JsonObject = Record<string, unknown>;

/**
 * The item in the form of GRIP's publish endpoint.
 * @param content text or bytes are content for all formats
 * @throws TypeError for an empty channel, or without a format
 */
export function itemJson(channel: string, content: Content | Item): JsonObject {
  if (channel === '') throw new TypeError('the channel has no name');
  const item: Item = isContent(content) ? { httpResponse: content, httpStream: content, wsMessage: content } : content;
  const { httpResponse, httpStream, wsMessage, id, idempotencyKey, version, ttl, retain, prevId, meta, noSeq } = item;
  const formats: JsonObject = {};
  if (httpResponse !== undefined) formats['http-response'] = responseFormat(httpResponse);
  if (httpStream !== undefined) formats['http-stream'] = streamFormat(httpStream);
  if (wsMessage !== undefined) formats['ws-message'] = messageFormat(wsMessage);
  if (Object.keys(formats).length === 0)
    throw new TypeError(`the item for ${channel} has no format: give httpResponse, httpStream or wsMessage`);
  return {
    channel,
    ...(id !== undefined && { id }),
    ...(idempotencyKey !== undefined && { 'idempotency-key': idempotencyKey }),
    ...(version !== undefined && { version }),
    ...(ttl !== undefined && { ttl }),
    ...(retain === false && { retain }),
    ...(prevId !== undefined && { 'prev-id': prevId }),
    formats,
    ...(meta !== undefined && { meta }),
    ...(noSeq === true && { 'no-seq': true }),
  };
}

function isContent(value: Content | object): value is Content {
  return typeof value === 'string' || value instanceof Uint8Array;
}

function responseFormat(format: HttpResponseFormat): JsonObject {
  if (isContent(format)) return bytes('body', format);
  if (format.action === 'hint') return { action: 'hint' };
  const { code, reason, headers, body = '', bodyPatch, contentFilters } = format;
  return {
    ...(code !== undefined && { code }),
    ...(reason !== undefined && { reason }),
    ...(headers !== undefined && { headers }),
    ...(bodyPatch === undefined ? bytes('body', body) : { 'body-patch': bodyPatch }),
    ...filters(contentFilters),
  };
}

function streamFormat(format: HttpStreamFormat): JsonObject {
  if (isContent(format)) return bytes('content', format);
  if (format.action === 'hint' || format.action === 'close') return { action: format.action };
  return { ...bytes('content', format.content), ...filters(format.contentFilters) };
}

function messageFormat(format: WsMessageFormat): JsonObject {
  if (isContent(format)) return bytes('content', format);
  if (format.action === 'refresh') return { action: 'refresh' };
  if (format.action === 'close') {
    const { code, reason } = format;
    return { action: 'close', ...(code !== undefined && { code }), ...(reason !== undefined && { reason }) };
  }
  const { type, content = '', contentFilters } = format;
  return { ...(type !== undefined && { type }), ...bytes('content', content), ...filters(contentFilters) };
}

function filters(names: readonly string[] | undefined): JsonObject {
  return names === undefined ? {} : { 'content-filters': names };
}

/** JSON has no bytes, so they are sent in base64, under another name. */
function bytes(name: string, content: Content): JsonObject {
  if (typeof content === 'string') return { [name]: content };
  const { buffer, byteOffset, byteLength } = content;
  return { [`${name}-bin`]: Buffer.from(buffer, byteOffset, byteLength).toString('base64') };
}
