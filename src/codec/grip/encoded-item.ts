import { stringMap } from './string-map.ts';
import type { HttpResponseFormat, HttpStreamFormat, ItemExtras, PublishItem, WsMessageFormat } from './types.ts';

/** An item without its contents, as it is written: short names, and defaults left out. */
interface Outline {
  readonly channel: string;
  readonly id?: string;
  readonly prevId?: string;
  readonly meta?: Readonly<Record<string, string>>;
  readonly size?: number;
  readonly noSeq?: true;
  readonly extras?: ItemExtras;
  /** The contents follow in this order; each outline tells how long its own is. */
  readonly response?: Omit<HttpResponseFormat, 'body'> & { readonly bytes: number };
  readonly stream?: Omit<HttpStreamFormat, 'content'> & { readonly bytes: number };
  readonly message?: Omit<WsMessageFormat, 'content'> & { readonly bytes: number };
}

/** Bytes in front of the outline: its length, and the number of the item. */
const HEAD = 12;
const NUMBER = 4;

/** Shared by all items without metadata. */
const NO_META = Object.freeze(stringMap());

/** Writes an item for another process of the same program: its outline as JSON, then the contents as they are. */
export function encodeItem(item: PublishItem): Buffer {
  const { channel, id, prevId, meta, size, noSeq, extras = null, httpResponse, httpStream, wsMessage } = item;
  const contents: Buffer[] = [];
  const outline: Record<string, unknown> = { channel };
  // `idTest` looks for it there.
  if (id !== null) outline.id = id;
  if (prevId !== null) outline.prevId = prevId;
  if (Object.keys(meta).length > 0) outline.meta = meta;
  if (size !== null) outline.size = size;
  if (noSeq) outline.noSeq = true;
  if (extras !== null) outline.extras = extras;
  if (httpResponse !== null) {
    const { body, ...rest } = httpResponse;
    outline.response = { ...rest, bytes: body.length };
    contents.push(body);
  }
  if (httpStream !== null) {
    const { content, ...rest } = httpStream;
    outline.stream = { ...rest, bytes: content.length };
    contents.push(content);
  }
  if (wsMessage !== null) {
    const { content, ...rest } = wsMessage;
    outline.message = { ...rest, bytes: content.length };
    contents.push(content);
  }
  const text = Buffer.from(JSON.stringify(outline));
  const head = Buffer.allocUnsafe(HEAD);
  head.writeUInt32BE(text.length);
  head.writeDoubleBE(item.number ?? 0, NUMBER);
  return Buffer.concat([head, text, ...contents]);
}

/**
 * Reads items that `encodeItem` wrote, one after the other.
 * @throws SyntaxError or RangeError for anything else
 */
export function decodeItems(bytes: Buffer): PublishItem[] {
  const items: PublishItem[] = [];
  let at = 0;
  // A copy, so that an item that waits for a slow client does not keep all that came with it.
  const take = (length: number): Buffer => Buffer.from(read(length));
  const read = (length: number): Buffer => {
    at += length;
    if (!(at <= bytes.length)) throw new RangeError('an item is longer than its bytes');
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const head = read(HEAD);
    const outline = JSON.parse(read(head.readUInt32BE()).toString()) as Outline;
    const item = itemOf(outline, take);
    const number = head.readDoubleBE(NUMBER);
    if (number > 0) item.number = number;
    items.push(item);
  }
  return items;
}

/** Tells which items of a channel have an id, by the bytes of `encodeItem`: its outline begins with the two. */
export function idTest(channel: string, id: string): (bytes: Buffer) => boolean {
  const beginning = Buffer.from(JSON.stringify({ channel, id }).slice(0, -1));
  const end = HEAD + beginning.length;
  return (bytes) => bytes.length > end && bytes.compare(beginning, 0, beginning.length, HEAD, end) === 0;
}

/** Gives the next bytes. */
type Take = (length: number) => Buffer;

function itemOf({ response, stream, message, ...outline }: Outline, take: Take): PublishItem {
  return {
    channel: outline.channel,
    id: outline.id ?? null,
    prevId: outline.prevId ?? null,
    meta: outline.meta === undefined ? NO_META : Object.assign(stringMap(), outline.meta),
    size: outline.size ?? null,
    noSeq: outline.noSeq ?? false,
    extras: outline.extras ?? null,
    httpResponse: response === undefined ? null : responseOf(response, take),
    httpStream: stream === undefined ? null : streamOf(stream, take),
    wsMessage: message === undefined ? null : messageOf(message, take),
  };
}

function responseOf({ bytes, ...rest }: NonNullable<Outline['response']>, take: Take): HttpResponseFormat {
  return { ...rest, body: take(bytes) };
}

function streamOf({ bytes, ...rest }: NonNullable<Outline['stream']>, take: Take): HttpStreamFormat {
  return { ...rest, content: take(bytes) };
}

function messageOf({ bytes, ...rest }: NonNullable<Outline['message']>, take: Take): WsMessageFormat {
  return { ...rest, content: take(bytes) };
}
