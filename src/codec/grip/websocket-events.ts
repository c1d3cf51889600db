import { isUtf8 } from 'node:buffer';
import { isCloseCode, MAX_CONTROL_BYTES, NO_STATUS } from '../websocket/index.ts';
import { GripError } from './grip-error.ts';

/** What an event of WebSocket-over-HTTP says. */
export type EventType = 'OPEN' | 'TEXT' | 'BINARY' | 'PING' | 'PONG' | 'CLOSE' | 'DISCONNECT';

/** One event of a body of the type `application/websocket-events`. */
export interface WebSocketEvent {
  readonly type: EventType;
  /** Empty where there is none. */
  readonly content: Buffer;
}

/** The media type of events. */
export const EVENTS_TYPE = 'application/websocket-events';

/**
 * Events of one response.
 * @bound websocket-events
 */
const MAX_EVENTS = 10_000;

const EMPTY = Buffer.alloc(0);
const CRLF = Buffer.from('\r\n');
const CR = 0x0d;
const LF = 0x0a;

/** Bytes of a line with a type and a length; names of types that are not known may be longer than ours. */
const MAX_LINE_BYTES = 256;

const LINE = /^([^ ]+)(?: ([0-9A-Fa-f]{1,8}))?$/;

const TYPES: ReadonlySet<string> = new Set(['OPEN', 'TEXT', 'BINARY', 'PING', 'PONG', 'CLOSE', 'DISCONNECT']);

/** Writes events one after the other: `TYPE[ HEXLEN] CRLF [CONTENT CRLF]`. One without content has no length. */
export function encodeEvents(events: readonly WebSocketEvent[]): Buffer {
  const parts: Buffer[] = [];
  for (const { type, content } of events) {
    const { length } = content;
    if (length === 0) parts.push(Buffer.from(`${type}\r\n`));
    else parts.push(Buffer.from(`${type} ${length.toString(16)}\r\n`), content, CRLF);
  }
  return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
}

/**
 * Reads events. Those of unknown types are left out.
 * @param body the contents of the events stay parts of it
 * @throws GripError where it is not events, or where they carry what a WebSocket cannot
 */
export function decodeEvents(body: Buffer): WebSocketEvent[] {
  const events: WebSocketEvent[] = [];
  for (let at = 0, count = 1; at < body.length; count++) {
    if (count > MAX_EVENTS) throw new GripError(`more than ${MAX_EVENTS} events`);
    const end = body.indexOf(CRLF, at);
    if (end < 0) throw new GripError(`event ${count}: the line with its type does not end`);
    if (end - at > MAX_LINE_BYTES)
      throw new GripError(`event ${count}: its first line is over ${MAX_LINE_BYTES} bytes`);
    const [, type, hex] = LINE.exec(body.toString('latin1', at, end)) ?? [];
    if (type === undefined) throw new GripError(`event ${count}: its first line is not "TYPE" or "TYPE LENGTH"`);
    at = end + CRLF.length;
    let content: Buffer = EMPTY;
    if (hex !== undefined) {
      const length = Number.parseInt(hex, 16);
      content = body.subarray(at, at + length);
      if (content.length < length) throw new GripError(`event ${count}: its content is shorter than its length`);
      at += length;
      if (body[at] !== CR || body[at + 1] !== LF)
        throw new GripError(`event ${count}: its content does not end in CRLF`);
      at += CRLF.length;
    }
    if (!TYPES.has(type)) continue;
    checkContent(type as EventType, content, count);
    events.push({ type: type as EventType, content });
  }
  return events;
}

function checkContent(type: EventType, content: Buffer, count: number): void {
  const { length } = content;
  switch (type) {
    case 'OPEN':
    case 'DISCONNECT':
      if (length > 0) throw new GripError(`event ${count}: ${type} has no content`);
      break;
    case 'TEXT':
      if (!isUtf8(content)) throw new GripError(`event ${count}: TEXT is not UTF-8`);
      break;
    case 'PING':
    case 'PONG':
      if (length > MAX_CONTROL_BYTES) throw new GripError(`event ${count}: ${type} is over ${MAX_CONTROL_BYTES} bytes`);
      break;
    case 'CLOSE':
      if (length > 0 && (length > MAX_CONTROL_BYTES || length < 2 || !isUtf8(content.subarray(2))))
        throw new GripError(`event ${count}: CLOSE has half a code, or no valid reason`);
      break;
  }
}

/**
 * The code and the reason of a CLOSE event that was decoded; 1005 without a code, and for one that may not be sent (RFC 6455 §7.4): some
 * client libraries write 0 where the application has given none.
 */
export function closeOf({ content }: WebSocketEvent): { code: number; reason: string } {
  const code = content.length === 0 ? NO_STATUS : content.readUInt16BE();
  return isCloseCode(code) ? { code, reason: content.toString('utf8', 2) } : { code: NO_STATUS, reason: '' };
}

/** Whether the value of Content-Type names events, with any parameters. */
export function isEventsType(value: string | undefined): boolean {
  if (value === undefined) return false;
  const end = value.indexOf(';');
  return (end < 0 ? value : value.slice(0, end)).trim().toLowerCase() === EVENTS_TYPE;
}
