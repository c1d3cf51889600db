import { applyMask } from './mask.ts';
import { BINARY, CLOSE, CONTINUATION, MAX_CONTROL_BYTES, type Opcode, TEXT } from './opcodes.ts';
import { WebSocketError } from './websocket-error.ts';

/**
 * One frame as a server sends it (RFC 6455 §5.2), header and a copy of the payload in one Buffer. It is independent of the connection: a message for
 * many clients is encoded once, and the same Buffer is written to each.
 * @param opcode TEXT or BINARY for the first frame of a message, CONTINUATION for the others; text must be UTF-8 over all frames
 * @param more whether further frames of the message follow
 * @param compressed whether the payload starts a compressed message (RFC 7692 §6)
 * @throws WebSocketError 1011 for a control frame over 125 bytes, with `more` or `compressed`, and for a compressed continuation
 */
export function encodeFrame(opcode: Opcode, payload: Buffer, more = false, compressed = false): Buffer {
  const header = headerBytes(payload.length);
  const frame = Buffer.allocUnsafe(header + payload.length);
  writeHeader(frame, opcode, payload.length, more, compressed);
  payload.copy(frame, header);
  return frame;
}

/** Bytes up to which a shared message is one frame, and that each of its frames has. Pushpin splits so, and some clients bound frames. */
const SHARED_FRAME = 16_384;

/** A whole message as a server sends it, uncompressed: frames of at most 16,384 bytes in one Buffer. */
export function encodeMessage(payload: Buffer, text: boolean): Buffer {
  const opcode = text ? TEXT : BINARY;
  if (payload.length <= SHARED_FRAME) return encodeFrame(opcode, payload);
  const frames: Buffer[] = [];
  for (let start = 0; start < payload.length; start += SHARED_FRAME) {
    const end = Math.min(payload.length, start + SHARED_FRAME);
    frames.push(encodeFrame(start === 0 ? opcode : CONTINUATION, payload.subarray(start, end), end < payload.length));
  }
  return Buffer.concat(frames);
}

/**
 * Only the header of the frame that `encodeFrame` makes: write a large payload after it to save the copy.
 * @param length bytes of the payload, up to `Number.MAX_SAFE_INTEGER`
 * @throws WebSocketError as `encodeFrame`
 */
export function frameHeader(opcode: Opcode, length: number, more = false, compressed = false): Buffer {
  const header = Buffer.allocUnsafe(headerBytes(length));
  writeHeader(header, opcode, length, more, compressed);
  return header;
}

/**
 * One frame as a client sends it; the payload is copied and then masked (RFC 6455 §5.3).
 * @param key any 32-bit integer, from a strong random source and for this frame only
 * @throws WebSocketError as `encodeFrame`
 */
export function encodeMaskedFrame(
  opcode: Opcode,
  payload: Buffer,
  key: number,
  more = false,
  compressed = false,
): Buffer {
  const header = headerBytes(payload.length);
  const frame = Buffer.allocUnsafe(header + 4 + payload.length);
  writeHeader(frame, opcode, payload.length, more, compressed);
  (frame[1] as number) |= 0x80;
  frame.writeInt32BE(key | 0, header);
  payload.copy(frame, header + 4);
  applyMask(frame.subarray(header + 4), key);
  return frame;
}

/** Bytes of an unmasked header: the length uses as few as possible (RFC 6455 §5.2). */
function headerBytes(length: number): 2 | 4 | 10 {
  if (length < 126) return 2;
  return length < 65_536 ? 4 : 10;
}

function writeHeader(target: Buffer, opcode: Opcode, length: number, more: boolean, compressed: boolean): void {
  // RFC 6455 §5.5 and RFC 7692 §6.1.
  if (opcode >= CLOSE && (length > MAX_CONTROL_BYTES || more || compressed)) {
    throw new WebSocketError(1011, 'control frame is too long, fragmented or compressed');
  }
  if (opcode === 0 && compressed) throw new WebSocketError(1011, 'continuation frame marked as compressed');
  target[0] = opcode | (more ? 0 : 0x80) | (compressed ? 0x40 : 0);
  if (length < 126) {
    target[1] = length;
  } else if (length < 65_536) {
    target[1] = 126;
    target.writeUInt16BE(length, 2);
  } else {
    target[1] = 127;
    target.writeUInt32BE(Math.floor(length / 0x1_0000_0000), 2);
    target.writeUInt32BE(length % 0x1_0000_0000, 6);
  }
}
