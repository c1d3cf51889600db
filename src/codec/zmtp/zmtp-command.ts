import { ZmtpError } from './zmtp-error.ts';
import { MAX_CONTEXT_BYTES } from './zmtp-limits.ts';
import { commandHeader, encodeMessages } from './zmtp-writer.ts';

/** A command (RFC 23, "Framing"): a name and its data. */
export interface Command {
  readonly name: string;
  readonly data: Buffer;
}

/** RFC 23, "command-name". */
const NAME = /^[A-Za-z]{1,255}$/;

/** RFC 37: the longest time to live that fits, in milliseconds. */
const MAX_TTL_MS = 6_553_500;

/** A command as one frame. */
export function encodeCommand(name: string, data: Buffer): Buffer {
  const header = commandHeader(1 + name.length + data.length);
  const frame = Buffer.allocUnsafe(header.length + 1 + name.length + data.length);
  let offset = header.copy(frame);
  frame[offset++] = name.length;
  offset += frame.write(name, offset, 'latin1');
  data.copy(frame, offset);
  return frame;
}

/**
 * Reads the body of a command frame.
 * @throws ZmtpError `malformed` if it has no name
 */
export function parseCommand(body: Buffer): Command {
  const nameEnd = 1 + (body[0] ?? 0);
  const name = body.toString('latin1', 1, nameEnd);
  if (nameEnd > body.length || !NAME.test(name)) throw new ZmtpError('malformed', 'command without a name');
  return { name, data: body.subarray(nameEnd) };
}

/**
 * RFC 37 PING.
 * @param ttlMs milliseconds of silence after which the peer may consider us dead; 0 for never. Rounded up to a tenth of a second, at most 6,553.5
 *   seconds
 */
export function encodePing(ttlMs: number): Buffer {
  const data = Buffer.alloc(2);
  data.writeUInt16BE(Math.ceil(Math.min(ttlMs, MAX_TTL_MS) / 100));
  return encodeCommand('PING', data);
}

/** RFC 37 PONG, which returns the context of the PING. */
export function encodePong(context: Buffer): Buffer {
  return encodeCommand('PONG', context);
}

/**
 * Parses a PING.
 * @returns `ttlMs`: milliseconds, 0 for none
 * @throws ZmtpError `malformed` if it has no time to live, or too long a context
 */
export function parsePing(data: Buffer): { readonly ttlMs: number; readonly context: Buffer } {
  if (data.length < 2 || data.length > 2 + MAX_CONTEXT_BYTES) throw new ZmtpError('malformed', 'malformed PING');
  return { ttlMs: data.readUInt16BE(0) * 100, context: data.subarray(2) };
}

/** ERROR, the refusal of a handshake (RFC 23, "The ERROR Command"). `reason` is cut to 255 latin1 characters. */
export function encodeError(reason: string): Buffer {
  const text = Buffer.from(reason, 'latin1').subarray(0, 255);
  return encodeCommand('ERROR', Buffer.concat([Buffer.of(text.length), text]));
}

/** The reason of an ERROR, with only printable ASCII, because it is logged. */
export function parseError(data: Buffer): string {
  return data.toString('latin1', 1, 1 + (data[0] ?? 0)).replace(/[^ -~]/g, '?');
}

/**
 * Subscribes to `topic` at a publisher, or cancels that: by RFC 37's commands for a peer that speaks ZMTP 3.1, by the messages of ZMTP 3.0
 * otherwise.
 */
export function encodeSubscription(topic: Buffer, subscribe: boolean, minor: 0 | 1): Buffer {
  if (minor === 1) return encodeCommand(subscribe ? 'SUBSCRIBE' : 'CANCEL', topic);
  const body = Buffer.concat([Buffer.of(subscribe ? 1 : 0), topic]);
  return Buffer.concat(encodeMessages([[body]], 0, 1));
}
