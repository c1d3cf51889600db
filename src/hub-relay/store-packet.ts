import type { LogSummary, MovedChannel, MovedPart } from '../history/index.ts';
import { jsonAndBytesOf, jsonAndBytesPacket, KIND } from './relay-packet.ts';

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
  if (part.store !== 'channels') return jsonAndBytesPacket(KIND.store, part satisfies Outline);
  const { channels, bytes } = part.part;
  return jsonAndBytesPacket(KIND.store, { store: part.store, channels } satisfies Outline, bytes);
}

/** Reads what `storePacket` wrote. */
export function storePartOf(packet: Buffer): StorePart {
  const { value, bytes } = jsonAndBytesOf(packet);
  const outline = value as Outline;
  if (outline.store !== 'channels') return outline as StorePart;
  return { store: 'channels', part: { channels: outline.channels ?? [], bytes } };
}
