import { isUtf8 } from 'node:buffer';
import { isFieldText, isToken } from '../http1/index.ts';
import { isCloseCode, MAX_CONTROL_BYTES, MAX_REASON_BYTES, NO_STATUS } from '../websocket/index.ts';
import { PublishError } from './grip-error.ts';
import { MAX_ID_BYTES, MAX_TTL } from './item-limits.ts';
import { isJsonObject } from './json-members.ts';
import { headerBytes, MAX_HEADER_BYTES, MAX_OPERATIONS, MESSAGE_TYPES } from './publish-formats.ts';
import { NO_META, stringMap } from './string-map.ts';
import type {
  HttpResponseFormat,
  HttpStreamFormat,
  ItemExtras,
  PublishItem,
  RepeatKey,
  WsMessageFormat,
} from './types.ts';

/** An item without its contents, as it is written: short names, and defaults left out. */
export interface Outline {
  readonly channel: string;
  readonly id?: string;
  readonly prevId?: string;
  readonly meta?: Readonly<Record<string, string>>;
  readonly size?: number;
  readonly noSeq?: true;
  readonly extras?: ItemExtras;
  /** The contents follow in this order; each outline tells how long its own is. */
  readonly response?: Omit<HttpResponseFormat, 'body'> & { readonly bytes: number };
  /** Its length only, for what `send` sends as usual: most items are such, and an item that is kept is to cost little besides its content. */
  readonly stream?: (Omit<HttpStreamFormat, 'content'> & { readonly bytes: number }) | number;
  readonly message?: (Omit<WsMessageFormat, 'content'> & { readonly bytes: number }) | number;
}

/** Gives the next bytes. */
export type Take = (length: number) => Buffer;

/** The value of an outline, of which nothing is known. */
type Unknown<T> = { readonly [Key in keyof T]?: unknown };

/**
 * The item of an outline. Everything that an item promises is checked: it may have come from another machine.
 * @param take gives the contents
 * @throws PublishError for what `encodeItem` has not written
 */
export function itemOfOutline(value: unknown, take: Take): PublishItem {
  if (!isJsonObject(value)) fail('outline');
  const { channel, id, prevId, meta, size, noSeq, extras, response, stream, message } = value as Unknown<Outline>;
  return {
    channel: typeof channel === 'string' ? channel : fail('channel'),
    id: id === undefined ? null : idOf(id),
    prevId: prevId === undefined ? null : idOf(prevId),
    meta: meta === undefined ? NO_META : metaOf(meta),
    size: size === undefined ? null : count(size, 'size'),
    noSeq: noSeq === undefined ? false : noSeq === true || fail('noSeq'),
    extras: extras === undefined ? null : extrasOf(extras),
    httpResponse: response === undefined ? null : responseOf(response, take),
    httpStream: stream === undefined ? null : streamOf(stream, take),
    wsMessage: message === undefined ? null : messageOf(message, take),
  };
}

function idOf(value: unknown): string {
  return typeof value === 'string' && Buffer.byteLength(value) <= MAX_ID_BYTES ? value : fail('id');
}

function metaOf(value: unknown): Record<string, string> {
  if (!isJsonObject(value)) fail('meta');
  const map = stringMap();
  for (const name of Object.keys(value)) map[name] = text(value[name], 'meta');
  return map;
}

function extrasOf(value: unknown): ItemExtras {
  if (!isJsonObject(value)) fail('extras');
  const { repeatKey, version, ttl, expires, retain } = value as Unknown<ItemExtras>;
  return {
    repeatKey: repeatKey === null ? null : repeatKeyOf(repeatKey),
    version: version === null ? null : count(version, 'version'),
    ttl: ttl === null ? null : count(ttl, 'ttl', 1, MAX_TTL),
    expires: count(expires, 'expires'),
    ...(retain !== undefined && { retain: retain === false ? retain : fail('retain') }),
  };
}

function repeatKeyOf(value: unknown): RepeatKey {
  if (!isJsonObject(value)) fail('repeatKey');
  const { key, digest, index } = value as Unknown<RepeatKey>;
  return { key: text(key, 'key'), digest: text(digest, 'digest'), index: count(index, 'index') };
}

function responseOf(value: unknown, take: Take): HttpResponseFormat {
  if (!isJsonObject(value)) fail('response');
  const { action, code, reason, headers, exposeHeaders, bodyPatch, contentFilters, bytes } = value as Unknown<
    NonNullable<Outline['response']>
  >;
  const body = take(count(bytes, 'bytes'));
  if (bodyPatch !== null && !(Array.isArray(bodyPatch) && bodyPatch.length <= MAX_OPERATIONS && body.length === 0)) {
    fail('bodyPatch');
  }
  return {
    action: oneOf(action, ['send', 'hint']),
    code: count(code, 'code', 0, 999),
    reason: typeof reason === 'string' && isFieldText(reason) ? reason : fail('reason'),
    headers: headersOf(headers),
    exposeHeaders: exposeHeaders === null ? null : texts(exposeHeaders, 'exposeHeaders'),
    body,
    bodyPatch,
    contentFilters: filtersOf(contentFilters),
  };
}

/** Response splitting ends here: a name that is no token, or a control character in a value (RFC 9110 §5.1, §5.5). */
function headersOf(value: unknown): readonly string[] {
  const headers = texts(value, 'headers');
  if (headers.length % 2 !== 0 || headerBytes(headers) > MAX_HEADER_BYTES) fail('headers');
  for (let i = 0; i < headers.length; i += 2) {
    if (!isToken(headers[i] as string) || !isFieldText(headers[i + 1] as string)) fail('headers');
  }
  return headers;
}

function streamOf(value: unknown, take: Take): HttpStreamFormat {
  if (typeof value === 'number') return { action: 'send', content: take(count(value, 'stream')), contentFilters: null };
  if (!isJsonObject(value)) fail('stream');
  const { action, contentFilters, bytes } = value as {
    readonly [Key in 'action' | 'contentFilters' | 'bytes']?: unknown;
  };
  return {
    action: oneOf(action, ['send', 'hint', 'close']),
    content: take(count(bytes, 'bytes')),
    contentFilters: filtersOf(contentFilters),
  };
}

function messageOf(value: unknown, take: Take): WsMessageFormat {
  if (typeof value === 'number') {
    const content = take(count(value, 'message'));
    if (!isUtf8(content)) fail('content');
    return { action: 'send', type: 'text', content, code: NO_STATUS, reason: '', contentFilters: null };
  }
  if (!isJsonObject(value)) fail('message');
  const { action, type, code, reason, contentFilters, bytes } = value as {
    readonly [Key in 'action' | 'type' | 'code' | 'reason' | 'contentFilters' | 'bytes']?: unknown;
  };
  const content = take(count(bytes, 'bytes'));
  const known = oneOf(type, MESSAGE_TYPES);
  // RFC 6455 §8.1: a client fails a text message that is not UTF-8. §5.5: and a control frame that is longer.
  if (known === 'text' ? !isUtf8(content) : known !== 'binary' && content.length > MAX_CONTROL_BYTES) fail('content');
  const closeCode = code === NO_STATUS ? code : count(code, 'code');
  if (closeCode !== NO_STATUS && !isCloseCode(closeCode)) fail('code');
  return {
    action: oneOf(action, ['send', 'close', 'refresh']),
    type: known,
    content,
    code: closeCode,
    // RFC 6455 §7.4: without a code there is no reason.
    reason: reasonOf(reason, closeCode === NO_STATUS ? 0 : MAX_REASON_BYTES),
    contentFilters: filtersOf(contentFilters),
  };
}

function reasonOf(value: unknown, most: number): string {
  return typeof value === 'string' && Buffer.byteLength(value) <= most ? value : fail('reason');
}

function filtersOf(value: unknown): readonly string[] | null {
  return value === null ? null : texts(value, 'contentFilters');
}

function text(value: unknown, name: string): string {
  return typeof value === 'string' ? value : fail(name);
}

function texts(value: unknown, name: string): readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string') ? value : fail(name);
}

function oneOf<T extends string>(value: unknown, known: readonly T[]): T {
  return known.includes(value as T) ? (value as T) : fail('kind');
}

function count(value: unknown, name: string, from = 0, to = Number.MAX_SAFE_INTEGER): number {
  const isFit = Number.isSafeInteger(value) && (value as number) >= from && (value as number) <= to;
  return isFit ? (value as number) : fail(name);
}

/** @param name of what is not as it was written */
function fail(name: string): never {
  throw new PublishError(`encoded item has another ${name}`);
}
