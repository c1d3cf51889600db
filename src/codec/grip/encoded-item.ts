import { NO_STATUS } from '../websocket/index.ts';
import { PublishError } from './grip-error.ts';
import { itemOfOutline, type Outline } from './item-outline.ts';
import { parseJson } from './parse-json.ts';
import { NO_META } from './string-map.ts';
import type { HttpStreamFormat, PublishItem, WsMessageFormat } from './types.ts';

/** Bytes in front of the outline: its length, and the number of the item. */
const HEAD = 12;
const NUMBER = 4;

/** Writes an item for another process of the same program, and for the history: its outline as JSON, then the contents as they are. */
export function encodeItem(item: PublishItem): Buffer {
  return encodeItemBehind(0, item);
}

/** As `encodeItem`, behind so many bytes, which the caller has to fill: a buffer for both costs less than one for each. */
export function encodeItemBehind(space: number, item: PublishItem): Buffer {
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
  let at = space + HEAD + textBytes;
  let length = at;
  for (const content of contents) length += content.length;
  const bytes = Buffer.allocUnsafe(length);
  bytes.writeUInt32BE(textBytes, space);
  bytes.writeDoubleBE(item.number ?? 0, space + NUMBER);
  bytes.write(text, space + HEAD, textBytes === text.length ? 'latin1' : 'utf8');
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
 * @throws PublishError for anything else
 */
export function decodeItems(bytes: Buffer): PublishItem[] {
  const items: PublishItem[] = [];
  let at = 0;
  // A copy, so that an item that waits for a slow client does not keep all that came with it.
  const take = (length: number): Buffer => Buffer.from(read(length));
  const read = (length: number): Buffer => {
    at += length;
    if (!(at <= bytes.length)) throw new PublishError('encoded item is longer than its bytes');
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const head = read(HEAD);
    const item = itemOfOutline(parseJson(read(head.readUInt32BE())), take);
    const number = head.readDoubleBE(NUMBER);
    if (!Number.isSafeInteger(number) || number < 0) throw new PublishError('encoded item has another number');
    if (number > 0) item.number = number;
    items.push(item);
  }
  return items;
}

/** The item of a channel that `encodeItem` has written; null if the bytes are anything else. */
export function decodeItem(channel: string, bytes: Buffer): PublishItem | null {
  try {
    const [item, ...others] = decodeItems(bytes);
    return item?.channel === channel && others.length === 0 ? item : null;
  } catch (error) {
    if (error instanceof PublishError) return null;
    throw error;
  }
}

/** Tells which items of a channel have an id, by the bytes of `encodeItem`: its outline begins with the two. */
export function idTest(channel: string, id: string): (bytes: Buffer) => boolean {
  const beginning = Buffer.from(JSON.stringify({ channel, id }).slice(0, -1));
  const end = HEAD + beginning.length;
  return (bytes) => bytes.length > end && bytes.compare(beginning, 0, beginning.length, HEAD, end) === 0;
}
