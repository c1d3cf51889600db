import type { KeptItem } from '../../history/index.ts';

/** Items with higher numbers than `number`, of those from `from` on, which are in the order of their numbers. */
export function itemsAfter(items: readonly KeptItem[], number: number, from = 0): readonly KeptItem[] {
  let [low, high] = [from, items.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((items[middle] as KeptItem).number > number) high = middle;
    else low = middle + 1;
  }
  return items.slice(low);
}
