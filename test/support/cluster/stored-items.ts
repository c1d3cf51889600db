import { historyPageSchema } from '../../../src/control/history-schema.ts';
import type { Seen } from '../history/model-client.ts';
import type { FaultyNode } from './faulty-cluster.ts';

/** The items of channels that are kept at the end, as if a client had seen them. */
export async function storedItems({ api }: FaultyNode, channels: Iterable<string>): Promise<readonly Seen[]> {
  const items: Seen[] = [];
  for (const channel of channels) {
    for (let since: string | null = ''; since !== null; ) {
      const { json } = await api.send('GET', `/channels/${channel}/history?limit=1000${since && `&since=${since}`}`);
      const page = historyPageSchema.parse(json);
      for (const { cursor, formats } of page.items) {
        const [, item] = /data: (\d+)/.exec(JSON.stringify(formats['http-stream'])) ?? [];
        items.push({ kind: 'item', item: Number(item), cursor });
      }
      since = page.next;
    }
  }
  return items;
}
