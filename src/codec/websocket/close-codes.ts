import { isUtf8 } from 'node:buffer';
import { MAX_CONTROL_BYTES } from './opcodes.ts';
import { WebSocketError } from './websocket-error.ts';

/** What a close frame without a code stands for (RFC 6455 §7.1.5); never on the wire. */
export const NO_STATUS = 1005;

/** Maximum length of a close reason in UTF-8 bytes: a control payload less the code. */
export const MAX_REASON_BYTES = MAX_CONTROL_BYTES - 2;

/**
 * Whether a close frame may carry `code`: those of RFC 6455 §7.4.1 except 1004, 1005, 1006 and 1015, which never travel, the registered
 * 1012 to 1014, and the ranges of libraries and applications (§7.4.2).
 */
export function isCloseCode(code: number): boolean {
  if (!Number.isInteger(code)) return false;
  if (code >= 3000) return code <= 4999;
  return code >= 1000 && code <= 1014 && (code < 1004 || code > 1006);
}

/**
 * Payload of a close frame (RFC 6455 §5.5.1); `NO_STATUS` gives an empty one.
 * @throws WebSocketError 1011 for a code that cannot be sent, a reason over `MAX_REASON_BYTES`, or one without a code
 */
export function closePayload(code: number, reason = ''): Buffer {
  if (code === NO_STATUS && reason === '') return Buffer.alloc(0);
  if (!isCloseCode(code)) throw new WebSocketError(1011, `close code ${code} cannot be sent`);
  const length = Buffer.byteLength(reason);
  if (length > MAX_REASON_BYTES) throw new WebSocketError(1011, `close reason exceeds ${MAX_REASON_BYTES} bytes`);
  const payload = Buffer.allocUnsafe(2 + length);
  payload.writeUInt16BE(code);
  payload.write(reason, 2);
  return payload;
}

/**
 * Parses the payload of a close frame: its code, `NO_STATUS` without one, and its reason.
 * @throws WebSocketError 1002, 1007
 */
export function parseClosePayload(payload: Buffer): { code: number; reason: string } {
  if (payload.length === 0) return { code: NO_STATUS, reason: '' };
  if (payload.length === 1) throw new WebSocketError(1002, 'truncated close code');
  const code = payload.readUInt16BE();
  if (!isCloseCode(code)) throw new WebSocketError(1002, `invalid close code ${code}`);
  if (!isUtf8(payload.subarray(2))) throw new WebSocketError(1007, 'close reason is not UTF-8');
  return { code, reason: payload.toString('utf8', 2) };
}
