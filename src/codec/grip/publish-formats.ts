import { isUtf8 } from 'node:buffer';
import { fieldValues, listMembers, withoutFields } from '../fields/index.ts';
import { reasonPhrase } from '../http1/index.ts';
import { isCloseCode, MAX_CONTROL_BYTES, NO_STATUS } from '../websocket/index.ts';
import { closeReason } from './close-reason.ts';
import { parseInteger } from './integers.ts';
import { type Fail, JsonMembers } from './json-members.ts';
import type { HttpResponseFormat, HttpStreamFormat, WsMessageFormat } from './types.ts';

const EMPTY = Buffer.alloc(0);
/**
 * Operations of one `body-patch`.
 * @bound body-patch-operations
 */
export const MAX_OPERATIONS = 1_000;

/**
 * Bytes of the header fields of one `http-response`, each with 4 bytes for its separators. They are merged with those of each held
 * response.
 * @bound published-headers
 */
export const MAX_HEADER_BYTES = 65_536;

/** What a message may be. */
export const MESSAGE_TYPES = ['text', 'binary', 'ping', 'pong'] as const;

const NO_MESSAGE: WsMessageFormat = {
  action: 'send',
  type: 'text',
  content: EMPTY,
  code: NO_STATUS,
  reason: '',
  contentFilters: null,
};

/** `hint`, `close` and `refresh` are accepted in every format, for GRIP does, though not each means something in each. */
type Action = 'send' | 'hint' | 'close' | 'refresh';

/** An `http-response` format; null when its action means nothing to held responses. */
export function parseHttpResponse(value: unknown, fail: Fail): HttpResponseFormat | null {
  const format = new JsonMembers(value, "'http-response'", fail);
  const action = parseAction(format, fail);
  if (action === 'close' || action === 'refresh') return null;
  if (action === 'hint') return hintedResponse();
  const code = parseCode(format, 999) ?? 200;
  const reason = format.reason('reason') || reasonPhrase(code);
  const given = format.headers('headers');
  if (given !== null && headerBytes(given) > MAX_HEADER_BYTES) format.invalidValue('headers');
  const contentFilters = format.strings('content-filters');
  const body = format.bytes('body', 'body-bin');
  const bodyPatch = body === null ? format.list('body-patch') : null;
  if (bodyPatch !== null && bodyPatch.length > MAX_OPERATIONS) {
    fail(`'http-response' contains 'body-patch' with over ${MAX_OPERATIONS} operations`);
  }
  if (body === null && bodyPatch === null) {
    fail("'http-response' does not contain 'body', 'body-bin', or 'body-patch'");
  }
  return {
    action,
    code,
    reason,
    headers: given === null ? [] : withoutFields(given, (name) => name.startsWith('grip-')),
    exposeHeaders: given === null ? null : exposedNames(given),
    body: body ?? EMPTY,
    bodyPatch,
    contentFilters,
  };
}

/** An `http-stream` format; null when its action means nothing to held streams. */
export function parseHttpStream(value: unknown, fail: Fail): HttpStreamFormat | null {
  const format = new JsonMembers(value, "'http-stream'", fail);
  const action = parseAction(format, fail);
  if (action === 'refresh') return null;
  if (action !== 'send') return { action, content: EMPTY, contentFilters: null };
  const contentFilters = format.strings('content-filters');
  const content = format.bytes('content', 'content-bin') ?? missingContent("'http-stream'", fail);
  return { action, content, contentFilters };
}

/** A `ws-message` format; null when its action means nothing to WebSockets. */
export function parseWsMessage(value: unknown, fail: Fail): WsMessageFormat | null {
  const format = new JsonMembers(value, "'ws-message'", fail);
  const action = parseAction(format, fail);
  if (action === 'hint') return null;
  if (action === 'refresh') return { ...NO_MESSAGE, action };
  if (action === 'close') {
    const code = parseCode(format, Number.MAX_SAFE_INTEGER) ?? NO_STATUS;
    const reason = format.string('reason') ?? '';
    // RFC 6455 §7.4: some codes never travel, and without a code there is no reason.
    return isCloseCode(code) ? { ...NO_MESSAGE, action, code, reason: closeReason(reason) } : { ...NO_MESSAGE, action };
  }
  const named = format.string('type');
  const type = named === null ? null : (MESSAGE_TYPES.find((known) => known === named) ?? format.invalidValue('type'));
  const contentFilters = format.strings('content-filters');
  const binary = format.get('content-bin') !== undefined;
  const given = format.bytes('content', 'content-bin');
  const control = type === 'ping' || type === 'pong';
  // Ping and pong may be empty.
  const content = given ?? (control ? EMPTY : missingContent("'ws-message'", fail));
  if (control && content.length > MAX_CONTROL_BYTES) format.invalidValue(binary ? 'content-bin' : 'content');
  // RFC 6455 §8.1: a client fails a text message that is not UTF-8.
  if (type === 'text' && binary && !isUtf8(content)) format.invalidValue('content-bin');
  return { ...NO_MESSAGE, action, type: type ?? (binary ? 'binary' : 'text'), content, contentFilters };
}

/** An unknown action is an error that GRIP has no words for: the detail is empty. */
function parseAction(format: JsonMembers, fail: Fail): Action {
  const action = format.string('action') ?? 'send';
  return action === 'send' || action === 'hint' || action === 'close' || action === 'refresh' ? action : fail('');
}

/** Null if it is absent. Client libraries send codes as strings; one that is not a number counts as absent. */
function parseCode(format: JsonMembers, max: number): number | null {
  const code = format.get('code');
  if (typeof code === 'string' && parseInteger(code) === null) return null;
  return format.integer('code', 0, max);
}

/** What header fields count as, in bytes. */
export function headerBytes(headers: readonly string[]): number {
  let bytes = 0;
  for (const text of headers) bytes += text.length + 2;
  return bytes;
}

function exposedNames(headers: string[]): readonly string[] | null {
  const names = listMembers(fieldValues(headers, 'grip-expose-headers'));
  return names.length === 0 ? null : names;
}

function missingContent(format: string, fail: Fail): never {
  return fail(`${format} does not contain 'content' or 'content-bin'`);
}

/** A hint carries nothing. */
function hintedResponse(): HttpResponseFormat {
  return {
    action: 'hint',
    code: 200,
    reason: reasonPhrase(200),
    headers: [],
    exposeHeaders: null,
    body: EMPTY,
    bodyPatch: null,
    contentFilters: null,
  };
}
