import { NO_STATUS } from '../websocket/index.ts';
import { NO_META, stringMap } from './string-map.ts';
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
  /** Its length only, for what `send` sends as usual: most items are such, and an item that is kept is to cost little besides its content. */
  readonly stream?: (Omit<HttpStreamFormat, 'content'> & { readonly bytes: number }) | number;
  readonly message?: (Omit<WsMessageFormat, 'content'> & { readonly bytes: number }) | number;
}

/** Bytes in front of the outline: its length, and the number of the item. */
const HEAD = 12;
const NUMBER = 4;

/** Writes an item for another process of the same program, and for the history: its outline as JSON, then the contents as they are. */
export function encodeItem(item: PublishItem): Buffer {
  const { channel, id, prevId, meta, size, noSeq, extras = null, httpResponse, httpStream, wsMessage } = item;
  const contents: Buffer[] = [];
  // Put together by hand, and into one buffer: this runs for every item that is kept. `idTest` looks for the id behind the channel.
  let text = beginningOf(channel);
  if (id !== null) text += `,"id":${JSON.stringify(id)}`;
  if (prevId !== null) text += `,"prevId":${JSON.stringify(prevId)}`;
  if (meta !== NO_META && Object.keys(meta).length > 0) text += `,"meta":${JSON.stringify(meta)}`;
  if (size !== null) text += `,"size":${size}`;
  if (noSeq) text += ',"noSeq":true';
  if (extras !== null) text += `,"extras":${JSON.stringify(extras)}`;
  if (httpResponse !== null) {
    const { body, ...rest } = httpResponse;
    text += `,"response":${JSON.stringify({ ...rest, bytes: body.length })}`;
    contents.push(body);
  }
  if (httpStream !== null) {
    text += `,"stream":${streamOutline(httpStream)}`;
    contents.push(httpStream.content);
  }
  if (wsMessage !== null) {
    text += `,"message":${messageOutline(wsMessage)}`;
    contents.push(wsMessage.content);
  }
  text += '}';
  const textBytes = Buffer.byteLength(text);
  let at = HEAD + textBytes;
  let length = at;
  for (const content of contents) length += content.length;
  const bytes = Buffer.allocUnsafe(length);
  bytes.writeUInt32BE(textBytes);
  bytes.writeDoubleBE(item.number ?? 0, NUMBER);
  bytes.write(text, HEAD, textBytes === text.length ? 'latin1' : 'utf8');
  for (const content of contents) {
    bytes.set(content, at);
    at += content.length;
  }
  return bytes;
}

/** Of the item before. */
let last = { channel: '', beginning: '{"channel":""' };

/** The beginning of an outline. Items of a channel mostly come one after the other. */
function beginningOf(channel: string): string {
  if (channel !== last.channel) last = { channel, beginning: `{"channel":${JSON.stringify(channel)}` };
  return last.beginning;
}

/** `Outline.stream` as JSON. */
function streamOutline({ action, content, contentFilters }: HttpStreamFormat): string {
  const bytes = content.length;
  if (action === 'send' && contentFilters === null) return String(bytes);
  return JSON.stringify({ action, contentFilters, bytes } satisfies Outline['stream']);
}

/** `Outline.message` as JSON. */
function messageOutline({ action, type, content, code, reason, contentFilters }: WsMessageFormat): string {
  const bytes = content.length;
  const usual = action === 'send' && type === 'text' && code === NO_STATUS && reason === '' && contentFilters === null;
  if (usual) return String(bytes);
  return JSON.stringify({ action, type, code, reason, contentFilters, bytes } satisfies Outline['message']);
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

function streamOf(outline: NonNullable<Outline['stream']>, take: Take): HttpStreamFormat {
  if (typeof outline === 'number') return { action: 'send', content: take(outline), contentFilters: null };
  const { bytes, ...rest } = outline;
  return { ...rest, content: take(bytes) };
}

function messageOf(outline: NonNullable<Outline['message']>, take: Take): WsMessageFormat {
  if (typeof outline === 'number') {
    return { action: 'send', type: 'text', content: take(outline), code: NO_STATUS, reason: '', contentFilters: null };
  }
  const { bytes, ...rest } = outline;
  return { ...rest, content: take(bytes) };
}
