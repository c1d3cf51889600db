import { type ControlAnswer, readControl } from './control-answer.ts';
import { Mongrel2Error } from './mongrel2-error.ts';

/** An answer of a handler. */
export interface HandlerAnswer {
  /** Numbers of the connections that it is for. One may come twice. */
  readonly ids: readonly number[];
  /** Bytes for each of them, a view; empty to close them. Empty too where `control` is not null. */
  readonly body: Buffer;
  /** What is to be done with them instead; null for an ordinary answer. */
  readonly control: ControlAnswer | null;
}

const SPACE = 0x20;
const COLON = 0x3a;
const COMMA = 0x2c;
const EXTENDED = 0x58;

const NO_BODY = Buffer.alloc(0);

/** A decimal of so many digits is a safe integer. */
const MAX_DIGITS = 15;

/**
 * Parses `UUID SIZE:ID ID …, BODY`.
 * @param maxIds connections that one answer may name
 * @throws Mongrel2Error that says what is wrong
 */
export function parseAnswer(message: Buffer, maxIds: number): HandlerAnswer {
  let at = 0;
  while (at < message.length && isUuidByte(message[at] as number)) at++;
  if (at === 0 || message[at] !== SPACE) fail('expected a UUID and a space', at);
  at++;
  const colon = endOfDigits(message, at, message.length);
  if (colon === at || message[colon] !== COLON) fail('expected the length of the connection ids and a colon', at);
  const start = colon + 1;
  const end = start + number(message, at, colon);
  if (end + 2 > message.length) fail('connection ids are truncated', start);
  if (message[end] !== COMMA || message[end + 1] !== SPACE)
    fail('expected a comma and a space after the connection ids', end);
  const extended = message[start] === EXTENDED && end > start;
  if (extended && message[start + 1] !== SPACE) fail('expected a space after X', start + 1);
  const ids = readIds(message, extended ? start + 2 : start, end, maxIds);
  const body = message.subarray(end + 2);
  return extended ? { ids, body: NO_BODY, control: readControl(body, ids) } : { ids, body, control: null };
}

function readIds(message: Buffer, start: number, end: number, maxIds: number): number[] {
  const ids: number[] = [];
  for (let at = start; ; ) {
    const next = endOfDigits(message, at, end);
    if (next === at) fail('expected a connection id', at);
    if (ids.length === maxIds) throw new Mongrel2Error('too-many', `more than ${maxIds} connection ids`);
    ids.push(number(message, at, next));
    if (next === end) return ids;
    if (message[next] !== SPACE) fail('expected a space between connection ids', next);
    at = next + 1;
  }
}

function isUuidByte(byte: number): boolean {
  const letter = byte | 0x20;
  return (byte >= 0x30 && byte <= 0x39) || (letter >= 0x61 && letter <= 0x7a) || byte === 0x2d;
}

function endOfDigits(message: Buffer, start: number, limit: number): number {
  let at = start;
  while (at < limit && (message[at] as number) >= 0x30 && (message[at] as number) <= 0x39) at++;
  return at;
}

function number(message: Buffer, start: number, end: number): number {
  if (end - start > MAX_DIGITS) fail(`number of more than ${MAX_DIGITS} digits`, start);
  let value = 0;
  for (let at = start; at < end; at++) value = value * 10 + (message[at] as number) - 0x30;
  return value;
}

function fail(what: string, at: number): never {
  throw new Mongrel2Error('malformed', `${what}, at byte ${at}`);
}
