import { isUtf8 } from 'node:buffer';

/** The action that is published to a channel. */
export type Action =
  | {
      readonly kind: 'send';
      /** Body of held responses and content of held streams. */
      readonly httpContent: Buffer;
      /** Content of WebSocket messages. */
      readonly wsContent: Buffer;
      readonly response: ResponseOptions;
    }
  /** An RFC 6902 patch of the bodies that the origin gave for a timeout; for held responses only. */
  | { readonly kind: 'patch'; readonly patch: readonly unknown[]; readonly response: ResponseOptions }
  /** Held requests are sent to their origin again. */
  | { readonly kind: 'hint' }
  /** Streams and WebSockets end. */
  | { readonly kind: 'close' };

/** Head of the response to held requests. */
export interface ResponseOptions {
  /** 200 to 999. */
  readonly code: number;
  readonly headers: readonly NameValue[];
}

/** A name and its value. */
export type NameValue = readonly [name: string, value: string];

/** An item, and how it is to be handled. An empty text means "not given". */
export interface ItemOptions {
  readonly channel: string;
  readonly action: Action;
  readonly id: string;
  readonly prevId: string;
  readonly idempotencyKey: string;
  /** Null for none. */
  readonly version: number | null;
  /** Seconds; null for none. */
  readonly ttl: number | null;
  /** Whether channels with a history keep it. */
  readonly retain: boolean;
  readonly meta: readonly NameValue[];
  readonly noSeq: boolean;
}

/** A JSON object. */
type JsonObject = Readonly<Record<string, unknown>>;

/** The item as the publish endpoint takes it, in every format that the action has. The server uses the formats that its clients need. */
export function publishItem(options: ItemOptions): JsonObject {
  const { channel, action, id, prevId, idempotencyKey, version, ttl, retain, meta, noSeq } = options;
  return {
    channel,
    ...(id !== '' && { id }),
    ...(prevId !== '' && { 'prev-id': prevId }),
    ...(idempotencyKey !== '' && { 'idempotency-key': idempotencyKey }),
    ...(version !== null && { version }),
    ...(ttl !== null && { ttl }),
    ...(!retain && { retain }),
    formats: formatsOf(action),
    ...(meta.length > 0 && { meta: Object.fromEntries(meta) }),
    ...(noSeq && { 'no-seq': true }),
  };
}

function formatsOf(action: Action): JsonObject {
  switch (action.kind) {
    case 'send':
      return {
        'http-response': { ...responseHead(action.response), ...bytes('body', action.httpContent) },
        'http-stream': bytes('content', action.httpContent),
        'ws-message': bytes('content', action.wsContent),
      };
    case 'patch':
      return { 'http-response': { ...responseHead(action.response), 'body-patch': action.patch } };
    case 'hint':
      return {
        'http-response': { action: 'hint' },
        'http-stream': { action: 'hint' },
        'ws-message': { action: 'hint' },
      };
    case 'close':
      return { 'http-stream': { action: 'close' }, 'ws-message': { action: 'close' } };
  }
}

function responseHead({ code, headers }: ResponseOptions): JsonObject {
  return { code, ...(headers.length > 0 && { headers }) };
}

/** JSON has no bytes, so a value that is not UTF-8 is sent in base64, under another name. */
function bytes(name: string, value: Buffer): JsonObject {
  return isUtf8(value) ? { [name]: value.toString() } : { [`${name}-bin`]: value.toString('base64') };
}
