import { type FieldList, withoutFields } from '../fields/index.ts';
import { reasonPhrase } from '../http1/index.ts';
import { GripError } from './grip-error.ts';
import { type GripFields, parseGripFields } from './grip-fields.ts';
import { parseInstructBody } from './instruct-body.ts';
import { isInstructBody } from './is-instruct.ts';
import type { Hold, Instruct, InstructResponse, KeepAlive } from './types.ts';

/** Seconds until a held response is sent, unless the origin says otherwise. */
const DEFAULT_TIMEOUT = 55;
/** Shorter holds would only be a slow way of polling. */
const MIN_TIMEOUT = 5;
const MIN_KEEP_ALIVE_TIMEOUT = 1;

/**
 * Understands a response for which `isInstruct` holds.
 *
 * Where `isInstructBody` does not hold, `body` is only passed through: a caller that streams a large one gives an empty `body`
 * and sends it after the head by itself.
 * @param headers without those that end at this hop (RFC 9110 §7.6.1)
 * @param body whole, without content coding
 * @throws GripError with what is wrong about it
 */
export function parseInstruct(status: number, reason: string, headers: FieldList, body: Buffer): Instruct {
  const fields = parseGripFields(headers);
  if (isInstructBody(headers)) return parseFromBody(status, reason, body, fields);
  const { exposed } = fields;
  const visible = withoutFields(headers, (name) => isHidden(name) || (exposed.size > 0 && !exposed.has(name)));
  return {
    hold: holdOf(fields),
    response: responseOf(fields.status ?? { code: status, reason }, visible, body),
    links: fields.links,
    ...unheldOf(fields),
  };
}

/** The fields of the response itself are about its JSON: the client gets those that stand in it, all of them. */
function parseFromBody(status: number, reason: string, body: Buffer, given: GripFields): Instruct {
  if (status !== 200) throw new GripError(`an application/grip-instruct response has the status ${status}, not 200`);
  const { fields, ...response } = parseInstructBody(body, given);
  const line =
    response.code === null ? (fields.status ?? { code: status, reason }) : { code: response.code, reason: '' };
  const named = { code: line.code, reason: response.reason ?? line.reason };
  return {
    hold: holdOf(fields),
    response: responseOf(named, withoutFields(response.headers, isHidden), response.body),
    links: fields.links,
    ...unheldOf(fields),
  };
}

function holdOf({ mode, channels, timeout, keepAlive, meta }: GripFields): Hold | null {
  if (mode === null) return null;
  checkSince(channels);
  const seconds = Math.max(timeout ?? DEFAULT_TIMEOUT, MIN_TIMEOUT);
  return { mode, channels, timeout: seconds, keepAlive: usableKeepAlive(keepAlive), meta };
}

/** A client has one place in the log, which is that of all its channels. */
function checkSince(channels: Hold['channels']): void {
  let first: string | null = null;
  for (const { since = null } of channels) {
    first ??= since;
    if (since !== null && since !== first) throw new GripError(`channels have different values of 'since'`);
  }
}

function unheldOf({ mode, channels, meta }: GripFields): Pick<Instruct, 'unheld'> {
  return mode === null && channels.some(({ filters }) => filters.length > 0) ? { unheld: { channels, meta } } : {};
}

/** Nothing to send is no keep-alive. */
function usableKeepAlive(keepAlive: KeepAlive | null): KeepAlive | null {
  if (keepAlive === null || keepAlive.content.length === 0) return null;
  return { ...keepAlive, timeout: Math.max(keepAlive.timeout, MIN_KEEP_ALIVE_TIMEOUT) };
}

function responseOf(line: { code: number; reason: string }, headers: FieldList, body: Buffer): InstructResponse {
  return { status: line.code, reason: line.reason || reasonPhrase(line.code), headers, body };
}

/** Fields that speak to Holdfast, and those that frame or encode a body that is not sent as it came. */
function isHidden(name: string): boolean {
  switch (name) {
    case 'connection':
    case 'keep-alive':
    case 'content-encoding':
    case 'content-length':
    case 'transfer-encoding':
      return true;
    default:
      return name.startsWith('grip-');
  }
}
