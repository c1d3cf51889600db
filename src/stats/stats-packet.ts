import { encode } from '../codec/tnetstring/index.ts';

/** Members of a packet. Those that are undefined are left out. */
export type StatsFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** How packets are written. */
export type StatsFormat = 'tnetstring' | 'json';

/**
 * A packet of Pushpin's stats: the type and a space, which subscribers can filter by, then `T` and a tnetstring, or `J` and JSON.
 */
export function statsPacket(type: string, fields: StatsFields, format: StatsFormat): Buffer {
  const given = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
  if (format === 'json') return Buffer.from(`${type} J${JSON.stringify(given)}`);
  return Buffer.concat([Buffer.from(`${type} T`), encode(given as Record<string, string | number | boolean>)]);
}
