import { type Part, partBytes } from '../codec/zmtp/index.ts';
import { LEAST_COST } from '../exchange/index.ts';

// What the messages between a process that serves connections and the one that has the handlers are about.
/** The process is there. */
export const HELLO = 0x68;
/** Key: a session. A first packet for any handler. */
export const OFFER = 0x6f;
/** Key: a session. Its first packet is not wanted any more. */
export const WITHDRAW = 0x77;
/** Key: a session. No handler gets its first packet, which was not wanted any more. */
export const WITHDRAWN = 0x75;
/** Key: the address of a handler. A packet for it. */
export const ROUTE = 0x72;
/** Packets of so many bytes were routed: a number of 4 bytes. */
export const ROUTED = 0x64;
/** Key: the address of a handler. What it takes at present: one byte. */
export const REACH = 0x61;
/** A packet of a handler. */
export const PACKET = 0x70;
/** Key: a session. No handler took its first packet in time. */
export const REFUSED = 0x66;
/** Key: a session. A packet for its handler was dropped. */
export const LOST = 0x6c;

/**
 * A message in one part, so that reading one costs little.
 * @param key latin1, at most 255 bytes: sessions and addresses have at most 64
 */
export function relayMessage(kind: number, key: string, content: Part = ''): Part {
  const head = String.fromCharCode(kind, key.length) + key;
  if (typeof content === 'string') return head + content;
  const bytes = Buffer.from(head, 'latin1');
  return Buffer.isBuffer(content) ? [bytes, content] : [bytes, ...content];
}

const PACKET_HEAD = Buffer.of(PACKET, 0);

/** A packet of a handler as a message. */
export function packetMessage(payload: Buffer): Part {
  return [PACKET_HEAD, payload];
}

/** The content of a message that is a number of 4 bytes. */
export function numberText(value: number): string {
  return String.fromCharCode(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
}

/** What the message is about. */
export function kindOf(message: Buffer): number {
  return message[0] as number;
}

export function keyOf(message: Buffer): string {
  return message.toString('latin1', 2, 2 + (message[1] as number));
}

/** What follows the key, as a view. */
export function contentOf(message: Buffer): Buffer {
  return message.subarray(2 + (message[1] as number));
}

/**
 * What the sockets of both ends have in common. Messages are counted by no mark: each end bounds what it requests from the other. What
 * waits for a process that reads nothing is bounded in bytes; what is passed on was bounded where it came in.
 */
export const RELAY_OPTIONS = {
  sendHwm: 0,
  /** @bound relay-send */
  sendBytes: 67_108_864,
  receiveHwm: 0,
  immediate: true,
  linger: 10_000,
  maxMessageBytes: Number.POSITIVE_INFINITY,
};

/** The process that a session's id belongs to: what stands in front of the first hyphen. */
export function processOf(id: string): string {
  const end = id.indexOf('-');
  return end < 0 ? '' : id.slice(0, end);
}

/** Bytes that a packet counts as on its way. */
export function partCost(packet: Part): number {
  return Math.max(LEAST_COST, partBytes(packet));
}
