import type { Channel } from './channel.ts';
import { FirstByKey } from './first-by-key.ts';
import { patternKey } from './subscription-key.ts';

/** Which channels to list. */
export interface ChannelQuery {
  /** Only names and patterns that begin with it; empty for all. */
  readonly prefix: string;
  /** Only those after it, a name or the key of a pattern, in the order of UTF-16; empty for all. */
  readonly after: string;
  /** How many at most. */
  readonly limit: number;
  /** Names of channels with the prefix, each once, that are listed without subscribers too. Default: none. */
  readonly others?: readonly string[];
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

/** The channels of a hub: those with members, and those that are remembered. */
interface KnownChannels {
  all(): Iterable<Channel>;
  get(name: string): Channel | undefined;
}

/** A channel in a list. */
type Listed = Pick<Channel, 'key' | 'name' | 'isPattern' | 'size' | 'lastId'>;

/** Lists channels with members, and others. It takes several turns where there are many; channels that come and go meanwhile may be missed. */
export async function channelPage(
  channels: KnownChannels,
  { prefix, after, limit, others = [] }: ChannelQuery,
): Promise<ChannelPage> {
  const first = new FirstByKey<Listed>(limit + 1);
  let total = 0;
  let looked = 0;
  for (const channel of listed(channels, others)) {
    if (++looked % CHANNELS_PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
    if (channel === null || !channel.name.startsWith(prefix)) continue;
    total++;
    if (channel.key > after || after === '') first.add(channel);
  }
  const found = first.all;
  const infos = found.slice(0, limit).map(infoOf);
  return { channels: infos, total, next: found.length > limit ? (found[limit - 1]?.key ?? null) : null };
}

/** Those with members, and the others; null for each that is not listed. */
function* listed(channels: KnownChannels, others: readonly string[]): Generator<Listed | null, void> {
  for (const channel of channels.all()) yield channel.size > 0 ? channel : null;
  for (const name of others) {
    const channel = channels.get(name);
    if (channel === undefined) yield { key: name, name, isPattern: false, size: 0, lastId: null };
    else yield channel.size > 0 ? null : channel;
  }
}

export function infoOf(channel: Listed): ChannelInfo {
  const { name, size, lastId, isPattern } = channel;
  return { name, ...(isPattern && { pattern: true }), subscribers: size, lastId };
}

/** The name of the channel, or the key of the pattern. */
export function keyOfInfo({ name, pattern = false }: Pick<ChannelInfo, 'name' | 'pattern'>): string {
  return pattern ? patternKey(name) : name;
}
