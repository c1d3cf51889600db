import { isJsonContainer } from '../codec/grip/index.ts';

/** What clients of a route get with `cursor = "envelope"`. There are no more than prefixes of routes. */
export interface EnvelopeStyle {
  /** What cursors begin with; empty where there are none. */
  readonly epoch: string;
  /** Put in front of the names of channels, and not known to clients. */
  readonly prefix: string;
  /** Stands for the two: equal styles share what is made for them. */
  readonly key: string;
}

/** @param epoch letters and digits; empty where there are no cursors */
export function envelopeStyle(epoch: string, prefix: string): EnvelopeStyle {
  return { epoch, prefix, key: `${epoch} ${prefix}` };
}

/** A message for a client that gets envelopes, and knows its channel without the prefix of its route. */
export interface EnvelopeContent {
  readonly channel: string;
  /** Null where the channel is not kept. */
  readonly cursor: string | null;
  readonly text: boolean;
  readonly content: Buffer;
}

const END = Buffer.from('}');

/** The content of a message in JSON, with its channel and its cursor. */
export function envelopeOf({ channel, cursor, text, content }: EnvelopeContent): Buffer {
  const own = cursor === null ? { channel } : { channel, cursor };
  const head = JSON.stringify(own).slice(0, -1);
  if (!text) return Buffer.from(`${head},"base64":"${content.toString('base64')}"}`);
  if (isJsonContainer(content)) return Buffer.concat([Buffer.from(`${head},"json":`), content, END]);
  return Buffer.from(`${head},"text":${JSON.stringify(content.toString())}}`);
}

/** Tells a client that it does not get what was published on channels. @param cursor where it goes on; null where that is not known */
export function gapMessage(channels: readonly string[], cursor: string | null): Buffer {
  return Buffer.from(JSON.stringify({ type: 'gap', channels, ...(cursor !== null && { cursor }) }));
}

/** Tells a client where it is. */
export function cursorMessage(cursor: string): Buffer {
  return Buffer.from(JSON.stringify({ type: 'cursor', cursor }));
}
