import { PublishError } from './grip-error.ts';
import { itemExtras, type RequestKey, requestKey } from './item-extras.ts';
import { MAX_ID_BYTES } from './item-limits.ts';
import { isJsonObject, JsonMembers } from './json-members.ts';
import { parseJson } from './parse-json.ts';
import { parseHttpResponse, parseHttpStream, parseWsMessage } from './publish-formats.ts';
import { NO_META } from './string-map.ts';
import { isPublishedBySystem } from './system-channels.ts';
import type { ItemExtras, PublishItem } from './types.ts';

/** What an item is called in complaints. */
const ITEM = 'publish item object';

/**
 * Reads the body of a publish request, `{"items": […]}`, a number of items at a time. An item that has only unknown formats is
 * valid and has none of the formats here. A PublishError is for the first thing wrong with any item: all are accepted or none.
 */
export class PublishItemsReader {
  /** The items that have been read. */
  readonly items: PublishItem[] = [];
  readonly #values: readonly unknown[];
  readonly #key: RequestKey | null;

  /**
   * @param request the body, or what it says: an object in which bytes may be Buffers
   * @param key idempotency key of the body; null for none
   * @throws PublishError if it is not an object with a list of items
   */
  constructor(request: Buffer | object, key: string | null = null) {
    this.#key = key !== null && Buffer.isBuffer(request) ? requestKey(key, request) : null;
    const value = Buffer.isBuffer(request) ? parseJson(request) : request;
    if (value === undefined) throw new PublishError('Body is not valid JSON.');
    if (!isJsonObject(value)) throw new PublishError('Invalid format.');
    const members = new JsonMembers(value, 'object', fail);
    this.#values = members.list('items') ?? members.missing('items');
  }

  /**
   * Reads up to `most` further items. Returns whether those were the last.
   * @throws PublishError
   */
  read(most: number): boolean {
    const { items } = this;
    const values = this.#values;
    const end = Math.min(values.length, items.length + most);
    while (items.length < end) items.push(itemOf(values[items.length], this.#key, items.length));
    return end === values.length;
  }
}

/**
 * Reads the body of a publish request at once.
 * @throws PublishError
 */
export function parsePublishItems(body: Buffer): PublishItem[] {
  const reader = new PublishItemsReader(body);
  reader.read(Number.POSITIVE_INFINITY);
  return reader.items;
}

/**
 * Reads one item.
 * @param value as in JSON; bytes may be Buffers
 * @throws PublishError
 */
export function parsePublishItem(value: unknown): PublishItem {
  return itemOf(value, null, 0);
}

/** @param key of the request; null for none @param index of the item in it */
function itemOf(value: unknown, key: RequestKey | null, index: number): PublishItem {
  const item = new JsonMembers(value, ITEM, fail);
  const channel = item.string('channel') ?? item.missing('channel');
  if (isPublishedBySystem(channel)) fail(`the channel '${channel}' is of the server: nobody else publishes there`);
  const id = parseId(item, 'id');
  const prevId = parseId(item, 'prev-id');
  const formats = formatsOf(item);
  const httpResponse = formats['http-response'];
  const httpStream = formats['http-stream'];
  const wsMessage = formats['ws-message'];
  const response = httpResponse === undefined ? null : parseHttpResponse(httpResponse, fail);
  const stream = httpStream === undefined ? null : parseHttpStream(httpStream, fail);
  const message = wsMessage === undefined ? null : parseWsMessage(wsMessage, fail);
  const parsed = {
    channel,
    id,
    prevId,
    meta: item.stringMap('meta') ?? NO_META,
    size: item.integer('size', 0),
    noSeq: item.boolean('no-seq') ?? false,
    extras: null as ItemExtras | null,
    httpResponse: response,
    httpStream: stream,
    wsMessage: message,
  };
  parsed.extras = itemExtras(parsed, item, key, index);
  return parsed;
}

function parseId(item: JsonMembers, key: string): string | null {
  const id = item.string(key);
  return id !== null && Buffer.byteLength(id) > MAX_ID_BYTES ? item.invalidValue(key) : id;
}

/** The formats by name, from `formats` or, where there is no such member, from the item itself. */
function formatsOf(item: JsonMembers): Readonly<Record<string, unknown>> {
  const formats = item.get('formats');
  if (formats === undefined) {
    const top = {
      'http-response': item.get('http-response'),
      'http-stream': item.get('http-stream'),
      'ws-message': item.get('ws-message'),
    };
    const none = Object.values(top).every((format) => format === undefined);
    return none ? fail('no formats specified') : top;
  }
  if (!isJsonObject(formats)) return item.wrongType('formats');
  return Object.keys(formats).length === 0 ? fail('no formats specified') : formats;
}

function fail(detail: string): never {
  throw new PublishError(`Invalid format: ${detail}`);
}
