import type { Channel } from './channel.ts';
import { patternKey } from './subscription-key.ts';

/** Which channels to list. */
export interface ChannelQuery {
  /** Only names and patterns that begin with it; empty for all. */
  readonly prefix: string;
  /** Only those after it, a name or the key of a pattern, in the order of UTF-16; empty for all. */
  readonly after: string;
  /** How many at most. */
  readonly limit: number;
}

/** What is known of a channel or pattern. */
export interface ChannelInfo {
  readonly name: string;
  /** True where the name is a pattern; else absent. */
  readonly pattern?: boolean;
  readonly subscribers: number;
  readonly lastId: string | null;
}

/** Patterns, and then channels, each in the order of their names. */
export interface ChannelPage {
  readonly channels: readonly ChannelInfo[];
  /** Channels with the prefix. */
  readonly total: number;
  /** The `after` of those that follow; null if none do. */
  readonly next: string | null;
}

/** Channels that are looked at in one turn of the event loop: a millisecond or two. */
const CHANNELS_PER_TURN = 10_000;

/** Lists channels with members. It takes several turns where there are many; channels that come and go meanwhile may be missed. */
export async function channelPage(
  all: Iterable<Channel>,
  { prefix, after, limit }: ChannelQuery,
): Promise<ChannelPage> {
  const first = new FirstNames(limit + 1);
  let total = 0;
  let looked = 0;
  for (const channel of all) {
    if (++looked % CHANNELS_PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
    if (!channel.name.startsWith(prefix) || channel.size === 0) continue;
    total++;
    if (channel.key > after || after === '') first.add(channel);
  }
  const found = first.channels;
  const channels = found.slice(0, limit).map(infoOf);
  return { channels, total, next: found.length > limit ? (found[limit - 1]?.key ?? null) : null };
}

export function infoOf(channel: Channel): ChannelInfo {
  const { name, size, lastId, isPattern } = channel;
  return { name, ...(isPattern && { pattern: true }), subscribers: size, lastId };
}

/** The name of the channel, or the key of the pattern. */
export function keyOfInfo({ name, pattern = false }: Pick<ChannelInfo, 'name' | 'pattern'>): string {
  return pattern ? patternKey(name) : name;
}

/** The channels whose names come first, of any number. */
class FirstNames {
  readonly channels: Channel[] = [];
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  add(channel: Channel): void {
    const { channels } = this;
    const last = channels.at(-1);
    if (channels.length === this.#max && last !== undefined && channel.key > last.key) return;
    let low = 0;
    let high = channels.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((channels[middle] as Channel).key < channel.key) low = middle + 1;
      else high = middle;
    }
    channels.splice(low, 0, channel);
    if (channels.length > this.#max) channels.pop();
  }
}
