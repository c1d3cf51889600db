import type { HeaderList } from '../../exchange/index.ts';
import type { StreamOwner } from '../../resume/index.ts';
import { OLDEST_PROTOCOL, PROTOCOL } from '../item-message.ts';
import { isCount, jsonObject, objectOf } from '../json-object.ts';

/** What a node needs to respond with a stream of another one. */
export interface StreamHead {
  readonly status: number;
  readonly reason: string;
  readonly headers: HeaderList;
  /** Digests, not the URL and the credentials themselves. */
  readonly owner: StreamOwner;
  /** Bytes that the log of the stream is to hold. */
  readonly maxBytes: number;
}

/** A part of the log of a stream, or its end. */
export type StreamRecord =
  | { readonly kind: 'piece'; readonly position: number; readonly bytes: Buffer }
  | {
      readonly kind: 'end';
      /** Behind the last byte; 0 where the rest is not there. */
      readonly position: number;
      /** Position of the id of the last complete event; 0 for none. */
      readonly lastEvent: number;
      /** The origin has failed, or the rest is not there: this is not the end of the response. */
      readonly cut: boolean;
    };

const [HEAD, PIECE, END, CUT] = [0x68, 0x70, 0x65, 0x63];

/** Bytes of a piece before those of the log: the version, the kind, and a position. */
export const PIECE_START = 10;

/** Bytes of an end, which has two positions. */
const END_LENGTH = 18;

export function encodeStreamHead(head: StreamHead): Buffer {
  return Buffer.concat([Buffer.from([PROTOCOL, HEAD]), Buffer.from(JSON.stringify(head))]);
}

/** @param fill writes the bytes into the part of the message that is for them */
export function encodePiece(position: number, length: number, fill: (target: Buffer) => void): Buffer {
  const message = Buffer.allocUnsafe(PIECE_START + length);
  message[0] = PROTOCOL;
  message[1] = PIECE;
  message.writeDoubleBE(position, 2);
  fill(message.subarray(PIECE_START));
  return message;
}

export function encodeEnd(position: number, lastEvent: number, cut: boolean): Buffer {
  const message = Buffer.allocUnsafe(END_LENGTH);
  message[0] = PROTOCOL;
  message[1] = cut ? CUT : END;
  message.writeDoubleBE(position, 2);
  message.writeDoubleBE(lastEvent, 10);
  return message;
}

/** Reads the head of a stream. Returns null for anything that no node of this version has written. */
export function readStreamHead(message: Uint8Array): StreamHead | null {
  if (!isKnown(message) || message[1] !== HEAD) return null;
  const head: unknown = jsonObject(message.subarray(2));
  return isHead(head) ? head : null;
}

/** Reads a part of a log, in memory of its own, or its end. Returns null likewise. */
export function readStreamRecord(message: Uint8Array): StreamRecord | null {
  if (!isKnown(message) || message.length < PIECE_START) return null;
  const bytes = Buffer.from(message);
  const position = bytes.readDoubleBE(2);
  if (!isCount(position)) return null;
  if (bytes[1] === PIECE) return { kind: 'piece', position, bytes: bytes.subarray(PIECE_START) };
  if ((bytes[1] !== END && bytes[1] !== CUT) || bytes.length !== END_LENGTH) return null;
  const lastEvent = bytes.readDoubleBE(10);
  return isCount(lastEvent) ? { kind: 'end', position, lastEvent, cut: bytes[1] === CUT } : null;
}

function isKnown(message: Uint8Array): boolean {
  const version = message[0] ?? 0;
  return version >= OLDEST_PROTOCOL && version <= PROTOCOL;
}

function isHead(value: unknown): value is StreamHead {
  const { status, reason, headers, owner, maxBytes } = objectOf(value) ?? {};
  return (
    status === 200 &&
    isText(reason) &&
    Array.isArray(headers) &&
    headers.length % 2 === 0 &&
    headers.every(isText) &&
    isOwner(owner) &&
    isCount(maxBytes)
  );
}

function isOwner(value: unknown): boolean {
  const { method, url, rights } = objectOf(value) ?? {};
  return isText(method) && isText(url) && isText(rights);
}

/** Latin1 without what would end a line of a header block. */
function isText(value: unknown): value is string {
  return typeof value === 'string' && /^[\t -~\x80-\xff]*$/.test(value);
}
