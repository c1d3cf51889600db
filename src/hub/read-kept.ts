import { decodeItem, type PublishItem } from '../codec/grip/index.ts';
import type { KeptItem, ReadableStore } from '../history/index.ts';

/** Items as they were published, with their numbers. Those that cannot be read are left out: a store that others write to is told of them. */
export function readKept(store: Pick<ReadableStore, 'reject'>, kept: readonly KeptItem[]): readonly PublishItem[] {
  const items: PublishItem[] = [];
  for (const each of kept) {
    const item = decodeItem(each.channel, each.bytes);
    if (item !== null) {
      item.number = each.number;
      items.push(item);
    } else if (store.reject === undefined) {
      throw new Error(`item ${each.number} of the history cannot be read`);
    } else {
      store.reject(each);
    }
  }
  return items;
}
