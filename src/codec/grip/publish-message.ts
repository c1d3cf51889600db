import { isUtf8 } from 'node:buffer';
import { decode, TnetstringError, type TnetstringMap, type TnetstringValue } from '../tnetstring/index.ts';
import { PublishError } from './grip-error.ts';
import { isJsonObject } from './json-members.ts';
import { parseJson } from './parse-json.ts';
import { parsePublishItem } from './parse-publish-items.ts';
import type { PublishItem } from './types.ts';

const JSON_MARK = 0x4a;
const TNETSTRING_MARK = 0x54;

/** The formats, which are members of `formats` or of the item itself. */
const FORMATS: readonly string[] = ['http-response', 'http-stream', 'ws-message'];

/** Members of a format that are bytes in a tnetstring, not text. */
const BYTES: readonly string[] = ['body', 'body-bin', 'content', 'content-bin'];

/**
 * Reads the item of a ZeroMQ message (GRIP's PULL and SUB inputs): `J` and a JSON object, or `T` and a tnetstring, or a tnetstring alone.
 * @param channel where the message was published to; null if the item says it
 * @throws PublishError
 */
export function parsePublishMessage(message: Buffer, channel: string | null): PublishItem {
  const value = readMessage(message);
  if (!isJsonObject(value)) throw new PublishError('Invalid format: publish item object is not an object');
  return parsePublishItem(channel === null ? value : { ...value, channel });
}

function readMessage(message: Buffer): unknown {
  if (message[0] === JSON_MARK) {
    const value = parseJson(message.subarray(1));
    if (value === undefined) throw new PublishError('Message is not valid JSON.');
    return value;
  }
  try {
    return publishValue(decode(message[0] === TNETSTRING_MARK ? message.subarray(1) : message));
  } catch (error) {
    if (!(error instanceof TnetstringError)) throw error;
    throw new PublishError(`Message is not a valid tnetstring: ${error.message}.`);
  }
}

/**
 * An item from a tnetstring as it would be in JSON, but with bytes as Buffers of their own: text stands in UTF-8 in a tnetstring, and
 * bodies and contents are raw bytes, where JSON has base64.
 * @throws PublishError for text that is not UTF-8
 */
export function publishValue(value: TnetstringValue): unknown {
  if (!isMap(value)) return plainValue(value);
  return members(value, (name, member) => {
    if (name === 'formats' && isMap(member)) {
      return members(member, (_format, inner) => formatValue(inner));
    }
    return FORMATS.includes(name) ? formatValue(member) : plainValue(member);
  });
}

function formatValue(value: TnetstringValue): unknown {
  if (!isMap(value)) return plainValue(value);
  return members(value, (name, member) =>
    // A view would keep everything that was read together with the message.
    Buffer.isBuffer(member) && BYTES.includes(name) ? Buffer.from(member) : plainValue(member),
  );
}

function plainValue(value: TnetstringValue): unknown {
  if (Buffer.isBuffer(value)) {
    if (!isUtf8(value)) throw new PublishError('Invalid format: text that is not UTF-8');
    return value.toString();
  }
  if (Array.isArray(value)) return value.map(plainValue);
  return isMap(value) ? members(value, (_name, member) => plainValue(member)) : value;
}

function members(map: TnetstringMap, convert: (name: string, value: TnetstringValue) => unknown): object {
  const converted: Record<string, unknown> = Object.create(null);
  for (const name of Object.keys(map)) converted[name] = convert(name, map[name] as TnetstringValue);
  return converted;
}

function isMap(value: TnetstringValue): value is TnetstringMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !Buffer.isBuffer(value);
}
