import type { LogSummary, MovedChannel, MovedPart } from '../history/index.ts';
import { KIND } from './relay-packet.ts';

/** Bytes in front of the JSON of a packet: its kind, and the length of the JSON. */
const HEAD = 5;

/** A part of the items that one process has kept, and another is to keep. */
export type StorePart =
  /** Nothing is kept. */
  | { readonly store: 'none' }
  /** They are in the files at this path, which nobody has open now. */
  | { readonly store: 'disk'; readonly path: string }
  /** They were in memory, and follow in further parts. */
  | { readonly store: 'memory'; readonly summary: LogSummary }
  | { readonly store: 'channels'; readonly part: MovedPart };

interface Outline {
  readonly store: StorePart['store'];
  readonly path?: string;
  readonly summary?: LogSummary;
  readonly channels?: readonly MovedChannel[];
}

export function storePacket(part: StorePart): Buffer {
  const outline: Outline = part.store === 'channels' ? { store: part.store, channels: part.part.channels } : part;
  const text = Buffer.from(JSON.stringify(outline));
  const head = Buffer.allocUnsafe(HEAD);
  head[0] = KIND.store;
  head.writeUInt32BE(text.length, 1);
  return Buffer.concat(part.store === 'channels' ? [head, text, part.part.bytes] : [head, text]);
}

/** Reads what `storePacket` wrote. */
export function storePartOf(packet: Buffer): StorePart {
  const end = HEAD + packet.readUInt32BE(1);
  const outline = JSON.parse(packet.toString('utf8', HEAD, end)) as Outline;
  if (outline.store !== 'channels') return outline as StorePart;
  return { store: 'channels', part: { channels: outline.channels ?? [], bytes: packet.subarray(end) } };
}
