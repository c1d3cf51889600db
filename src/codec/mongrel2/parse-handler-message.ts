import { isUtf8 } from 'node:buffer';
import { decode, ElementReader, TnetstringError, type TnetstringValue } from '../tnetstring/index.ts';
import { Mongrel2Error } from './mongrel2-error.ts';

/** A message as a handler receives it. */
export interface HandlerMessage {
  /** The server's `send_ident`. */
  readonly uuid: string;
  /** Number of the connection. */
  readonly id: number;
  /** Undecoded path, `@ROUTE` or `<TAG`; `@*` for notices. */
  readonly path: string;
  /** Names of the client's headers are in lower case, those that the server adds in upper case. Values that came twice are a list. */
  readonly headers: ReadonlyMap<string, string | readonly string[]>;
  /** A view. */
  readonly body: Buffer;
}

const SPACE = 0x20;
const BYTES = 0x2c;
const MAP = 0x7d;

/** A decimal of so many digits is a safe integer. */
const ID = /^[0-9]{1,15}$/;

/** Headers have text and lists of text. */
const LIMITS = { maxBytes: 16_777_216, maxDepth: 2, floats: false };

/**
 * Parses `UUID ID PATH SIZE:HEADERS,SIZE:BODY,`, with headers of either protocol.
 * @throws Mongrel2Error `malformed`
 */
export function parseHandlerMessage(message: Buffer): HandlerMessage {
  const afterUuid = message.indexOf(SPACE);
  const afterId = afterUuid === -1 ? -1 : message.indexOf(SPACE, afterUuid + 1);
  const afterPath = afterId === -1 ? -1 : message.indexOf(SPACE, afterId + 1);
  if (afterUuid <= 0 || afterPath === -1) fail('expected a UUID, an id and a path');
  const id = message.toString('latin1', afterUuid + 1, afterId);
  if (!ID.test(id)) fail('the connection id is not a number');
  const reader = new ElementReader(message);
  try {
    const afterHeaders = reader.read(afterPath + 1, message.length);
    if (reader.type !== BYTES && reader.type !== MAP) fail('headers are neither text nor a dictionary');
    const headers =
      reader.type === BYTES
        ? jsonHeaders(reader.bytes())
        : headerMap(Object.entries(tnetstringHeaders(message.subarray(afterPath + 1, afterHeaders))));
    const end = reader.read(afterHeaders, message.length);
    if (reader.type !== BYTES) fail('the body is not a string');
    if (end !== message.length) fail('bytes after the body');
    return {
      uuid: message.toString('latin1', 0, afterUuid),
      id: Number(id),
      path: textOf(message.subarray(afterId + 1, afterPath)),
      headers,
      body: reader.bytes(),
    };
  } catch (error) {
    if (error instanceof TnetstringError) fail(error.message);
    throw error;
  }
}

function jsonHeaders(text: Buffer): Map<string, string | readonly string[]> {
  let value: unknown;
  try {
    value = JSON.parse(textOf(text));
  } catch {
    fail('headers are not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) fail('headers are not an object');
  return headerMap(Object.entries(value));
}

function tnetstringHeaders(dictionary: Buffer): { [name: string]: TnetstringValue } {
  return decode(dictionary, LIMITS) as { [name: string]: TnetstringValue };
}

function headerMap(entries: readonly (readonly [string, unknown])[]): Map<string, string | readonly string[]> {
  const headers = new Map<string, string | readonly string[]>();
  for (const [name, value] of entries) {
    headers.set(name, Array.isArray(value) ? value.map(valueText) : valueText(value));
  }
  return headers;
}

function valueText(value: unknown): string {
  if (Buffer.isBuffer(value)) return textOf(value);
  if (typeof value !== 'string') fail('a header is neither text nor a list of texts');
  return value;
}

/** UTF-8 as it is, other bytes as latin1. */
function textOf(bytes: Buffer): string {
  return isUtf8(bytes) ? bytes.toString() : bytes.toString('latin1');
}

function fail(what: string): never {
  throw new Mongrel2Error('malformed', what);
}
