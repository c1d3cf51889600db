import { isFieldText } from '../http1/index.ts';
import { GripError } from './grip-error.ts';
import { DEFAULT_KEEP_ALIVE_TIMEOUT, type GripFields } from './grip-fields.ts';
import { encodeHeaderText } from './header-text.ts';
import { integerOf, MAX_SECONDS } from './integers.ts';
import { JsonMembers } from './json-members.ts';
import { parseJson } from './parse-json.ts';
import { stringMap } from './string-map.ts';
import type { ChannelRef, KeepAlive } from './types.ts';

const EMPTY = Buffer.alloc(0);

/** What an `application/grip-instruct` body says. */
export interface InstructBody {
  /** The given fields with what the body lays over them. */
  readonly fields: GripFields;
  /** Null when not given. */
  readonly code: number | null;
  /** Null when not given. */
  readonly reason: string | null;
  readonly headers: string[];
  readonly body: Buffer;
}

/**
 * Reads the body of an `application/grip-instruct` response.
 * @throws GripError
 */
export function parseInstructBody(body: Buffer, fields: GripFields): InstructBody {
  const value = parseJson(body);
  if (value === undefined) fail('the application/grip-instruct body is not valid JSON');
  const instruct = new JsonMembers(value, 'instruct', fail);
  const hold = instruct.get('hold');
  const given = instruct.get('response');
  const response = new JsonMembers(given === undefined ? {} : given, "'response'", fail);
  return {
    fields: hold === undefined ? fields : layOver(fields, new JsonMembers(hold, "'hold'", fail)),
    code: response.integer('code', 0, 999),
    reason: response.reason('reason') || null,
    headers: response.headers('headers') ?? [],
    body: response.bytes('body', 'body-bin') ?? EMPTY,
  };
}

/** Mode, timeout and keep-alive replace those of the fields; channels and metadata are added. */
function layOver(fields: GripFields, hold: JsonMembers): GripFields {
  const mode = hold.string('mode') ?? 'response';
  if (mode !== 'response' && mode !== 'stream')
    fail("'hold' contains a 'mode' that is neither 'response' nor 'stream'");
  const channels = hold.list('channels') ?? hold.missing('channels');
  // A timeout of a wrong type is passed over, unlike all else.
  const timeout = integerOf(hold.get('timeout'));
  if (timeout !== null && (timeout < 0 || timeout > MAX_SECONDS)) hold.invalidValue('timeout');
  return {
    ...fields,
    mode,
    channels: [...fields.channels, ...channels.map(parseChannel)],
    timeout: timeout ?? fields.timeout,
    keepAlive: parseKeepAlive(hold, fields.keepAlive),
    meta: Object.assign(stringMap(), fields.meta, hold.stringMap('meta')),
  };
}

function parseChannel(value: unknown): ChannelRef {
  const channel = new JsonMembers(value, 'channel', fail);
  const name = channel.string('name') ?? channel.missing('name');
  const prevId = channel.string('prev-id');
  // A replay names both in a Grip-Last field, where no control character may stand (RFC 9110 §5.5).
  if (name === '' || !isFieldText(encodeHeaderText(name))) channel.invalidValue('name');
  if (prevId !== null && !isFieldText(encodeHeaderText(prevId))) channel.invalidValue('prev-id');
  const filters = channel.strings('filters') ?? [];
  const since = channel.string('since');
  const own = { name, prevId, filters, ...(since !== null && { since }) };
  if (channel.boolean('pattern') !== true) return own;
  if (prevId !== null) fail(`channel contains a 'prev-id' for the pattern '${name}'`);
  return { ...own, pattern: true };
}

function parseKeepAlive(hold: JsonMembers, former: KeepAlive | null): KeepAlive | null {
  const value = hold.get('keep-alive');
  if (value === undefined) return former;
  const keepAlive = new JsonMembers(value, "'keep-alive'", fail);
  return {
    content: keepAlive.bytes('content', 'content-bin') ?? former?.content ?? EMPTY,
    timeout: keepAlive.integer('timeout', 0, MAX_SECONDS) ?? DEFAULT_KEEP_ALIVE_TIMEOUT,
    // The body has no word for the mode.
    mode: former?.mode ?? 'interval',
  };
}

function fail(detail: string): never {
  throw new GripError(detail);
}
