// What the main process and a worker process say to each other about published items: one byte, and what belongs to it.

/** The kinds of packets. */
export const KIND = {
  /** To a worker: what the items count as, a number of 4 bytes, and the items, as `encodeItem` writes them. */
  items: 0x69,
  /** To a worker: a list of names of channels that are new to it, each followed by its last id. */
  lastIds: 0x6c,
  /** To a worker: publishers may have lost items. */
  recover: 0x72,
  /** To a worker: items may have been lost on their way to it. */
  missed: 0x4d,
  /** To a worker: items of a channel may have been lost on their way to all workers; a list of its name and the number of the last item before them. */
  lost: 0x4c,
  /** To a worker: a `Question`. */
  question: 0x71,
  /** To a worker: no further items come, and its clients are to be released. */
  drain: 0x64,
  /** To a worker: whether stats packets have a subscriber, a number of 4 bytes: 1 if so, 0 if not. */
  watched: 0x77,
  /** To a worker: a place in the order of the items, a number of 4 bytes. */
  mark: 0x6d,
  /** To a worker: items of so many bytes that it had published were accepted, a number of 4 bytes. */
  accepted: 0x65,
  /** To a worker: the answer to `ask`, a value with the items after it, as `encodeItem` writes them. */
  kept: 0x6b,
  /** To a worker that is to order the items: a part of the items that are kept, as `storePacket` writes it. */
  store: 0x53,
  /** To a worker that is to order the items: a part of what that takes, a `RouterPart`. */
  part: 0x70,
  /** To the main process: items that the worker's publishers have sent, as in `items`. */
  publish: 0x75,
  /** To the main process: the worker has told of all its channels. */
  told: 0x6f,
  /** To the main process: nothing is published by the worker from now on. */
  held: 0x62,
  /** To the main process: a stats packet. */
  stats: 0x73,
  /** To the main process: the worker begins, or begins again to tell of its channels. */
  hello: 0x68,
  /**
   * To the main process: a list of names of channels and keys of patterns. In front of each stands `+` where it is known from now on, `-` where it is
   * not.
   */
  channels: 0x63,
  /** To the main process: a list of connections on channels, each as its channel, its user, and how many there are now. */
  counts: 0x6e,
  /** To the main process: the worker had fallen behind, and has told of all its channels again. Items may not have gone to it. */
  toldAgain: 0x67,
  /** To the main process: items of so many bytes were taken, a number of 4 bytes. */
  taken: 0x74,
  /** To the main process: what a client asks of the items that are kept, as a value with no bytes after it. */
  ask: 0x66,
  /** To the main process: an `Answer`. */
  answer: 0x61,
} as const;

/** The channel of an item, and which formats it has. */
export interface AskedItem {
  readonly channel: string;
  /** Workers do not know which ids were seen. */
  readonly id: null;
  readonly httpResponse: object | null;
  readonly httpStream: object | null;
  readonly wsMessage: object | null;
}

/** What the main process wants to know of a worker. */
export type Asked =
  /** How many clients would get each of these items? */
  | { readonly about: 'receivers'; readonly items: readonly AskedItem[] }
  /** What is known of the channels with these names, and of the patterns with these keys? */
  | { readonly about: 'channels'; readonly names: readonly string[] }
  /** Which of these ids are of clients that are held? */
  | { readonly about: 'held'; readonly ids: readonly string[] }
  /** Is there such a WebSocket? Then its origin is to be asked. */
  | { readonly about: 'refresh'; readonly id: string };

/** A question with its number. */
export type Question = Asked & { readonly number: number };

/** The answer to a question: counts, channels, ids or a truth value. */
export interface Answer {
  readonly number: number;
  readonly value: unknown;
}

/** A packet with a value in it. */
export function valuePacket(kind: number, value: unknown): Buffer {
  return Buffer.from(String.fromCharCode(kind) + JSON.stringify(value));
}

/** A packet with bytes in it. */
export function bytesPacket(kind: number, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.of(kind), bytes]);
}

/** Bytes in front of the value of such a packet: its kind, and the length of the value. */
const HEAD = 5;

/** A packet with a value in it, and bytes after that. */
export function jsonAndBytesPacket(kind: number, value: unknown, ...bytes: readonly Buffer[]): Buffer {
  const text = Buffer.from(JSON.stringify(value));
  return Buffer.concat([numberPacket(kind, text.length), text, ...bytes]);
}

/**
 * The value of a packet of `jsonAndBytesPacket`, and the bytes after it.
 * @throws SyntaxError or RangeError for any other packet
 */
export function jsonAndBytesOf(packet: Buffer): { readonly value: unknown; readonly bytes: Buffer } {
  const end = HEAD + packet.readUInt32BE(1);
  return { value: JSON.parse(packet.toString('utf8', HEAD, end)), bytes: packet.subarray(end) };
}

/** A packet of one byte. */
export function barePacket(kind: number): Buffer {
  return Buffer.of(kind);
}

/** A packet with a number. */
export function numberPacket(kind: number, value: number): Buffer {
  const packet = Buffer.allocUnsafe(5);
  packet[0] = kind;
  packet.writeUInt32BE(value, 1);
  return packet;
}

/**
 * The value of a packet.
 * @throws SyntaxError for anything but JSON
 */
export function jsonOf(packet: Buffer): unknown {
  return JSON.parse(packet.toString('utf8', 1));
}

/**
 * The value of a packet that must be a list of strings.
 * @throws TypeError or SyntaxError for anything else
 */
export function namesOf(packet: Buffer): readonly string[] {
  const names = jsonOf(packet);
  if (!Array.isArray(names) || !names.every((name) => typeof name === 'string')) {
    throw new TypeError('a packet without a list of names');
  }
  return names;
}

/** What the sockets of both ends have in common: each end counts for itself what is on its way. */
export const RELAY_SOCKET = {
  sendHwm: 0,
  receiveHwm: 0,
  immediate: true,
  linger: 10_000,
  maxMessageBytes: Number.POSITIVE_INFINITY,
  /** @bound worker-send */
  sendBytes: 134_217_728,
};
