import { decodeItem, encodeItemBehind, type PublishItem } from '../codec/grip/index.ts';

/**
 * The version of what nodes send one another. It is the first byte of each message with an item, and nodes tell it with their heartbeats. A node reads all versions from
 * `OLDEST_PROTOCOL` on, and counts and ignores later ones.
 */
export const PROTOCOL = 1;
export const OLDEST_PROTOCOL = 1;

/** An item as nodes send it: a byte for the version, then the item as `encodeItem` writes it. */
export function encodeItemMessage(item: PublishItem, version: number): Buffer {
  const message = encodeItemBehind(1, item);
  message[0] = version;
  return message;
}

/** The message with an item, which is the same in all versions so far. @param item as `encodeItem` has written it */
export function messageOfItem(item: Buffer, version: number): Buffer {
  const message = Buffer.allocUnsafe(1 + item.length);
  message[0] = version;
  item.copy(message, 1);
  return message;
}

const NO_ITEM = Buffer.alloc(0);

/** Versions are control characters: what is not of a node is mostly text. */
const VERSIONS = 0x20;

/** In place of an item of a later version, which a node cannot read. Its clients are told of a gap. */
export const LATER_ITEM = Buffer.alloc(0);

/**
 * The item of a message as `encodeItem` has written it, in the memory of the message; `LATER_ITEM` for one of a later version. No item can be read from the result for anything
 * else.
 */
export function itemOfMessage({ buffer, byteOffset, length, 0: version = 0 }: Uint8Array): Buffer {
  if (version > PROTOCOL && version < VERSIONS) return LATER_ITEM;
  if (version < OLDEST_PROTOCOL || version > PROTOCOL) return NO_ITEM;
  return Buffer.from(buffer, byteOffset + 1, length - 1);
}

/** A copy of what `itemOfMessage` returns, for those who keep it: messages that come at once share their memory. */
export function copiedItem(message: Uint8Array): Buffer {
  const item = itemOfMessage(message);
  return item.length === 0 ? item : Buffer.from(item);
}

/** An item that is not kept, and so has no number, as `encodeItem` has written it; null if the bytes are anything else. */
export function itemOf(channel: string, bytes: Buffer): PublishItem | null {
  const item = decodeItem(channel, bytes);
  return item === null || item.number === undefined ? item : null;
}
